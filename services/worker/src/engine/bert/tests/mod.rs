//! With a tiny model of random weights.

mod encoder;
mod engine;
mod loading;
mod plain;
mod tiny;
