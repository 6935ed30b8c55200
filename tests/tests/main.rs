//! End-to-end tests, one topic per file. Each scenario runs with one and with two Envoy workers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and what it prints is shown when it does"
)]

mod admin_interface;
mod affinity;
mod bad_configuration;
mod bad_input;
mod cache;
mod chat;
mod circuits;
mod client_headers;
mod counts;
mod deploy;
mod distribution;
mod embeddings;
mod endpoints_come_and_go;
mod hidden_stats;
mod membership;
mod model;
mod modes;
mod observability;
mod openai_client;
mod panics;
mod privacy;
mod retries;
mod shedding;
mod two_configurations;
mod two_pools;
mod worker_killed;
mod zones;
