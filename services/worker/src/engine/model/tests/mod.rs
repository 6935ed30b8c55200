//! Tests with a model that is made up on the spot: the same file format, kernels and code paths as a real one, and
//! small enough to be written and loaded in milliseconds. What it says makes no sense.

mod engine;
mod forms;
mod language;
mod llama;
mod loading;
mod logprobs;
mod tiny;
