//! The end-to-end harness: a real Envoy, the built filters, real inference workers.
//!
//! [`Setup`] describes what to start, [`Spillway`] is what runs. Tests see it from outside: what a client gets, what
//! Envoy's statistics and logs say, what the workers count. Everything listens on free ports of the loopback
//! interface, every wait is bounded ([`eventually()`]), and what was started is stopped when it is dropped, also by a
//! panic; then the ends of the logs are shown.
//!
//! [`load`] makes traffic, for tests and for benchmarks. What the harness does not do: build or fetch anything;
//! `cargo xtask test` does, and what is missing is an error that says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a harness fails by panicking"
)]

mod cache_tier;
mod client;
mod discovery;
mod envoy;
mod eventually;
mod hosts;
pub mod load;
mod parts;
mod setup;
mod spillway;
mod sse;
mod stats;
mod variants;
mod worker;
mod zones;

pub use cache_tier::CacheTier;
pub use client::{Answer, Client, Streaming, chat, request, streamed_chat};
pub use discovery::Discovery;
pub use envoy::Envoy;
pub use eventually::{eventually, hurry};
pub use hosts::Host;
pub use parts::{filters, repository};
pub use setup::{Filters, Setup};
pub use spillway::Spillway;
pub use spillway_fixtures::{ObjectStore, Port, Process, Proxy, RedisCluster, RedisServer};
pub use sse::Events;
pub use stats::Stats;
pub use variants::run;
pub use worker::{Counts, Worker};

/// The name that the simulated engine's model has, and the real one.
pub const MODEL: &str = "smollm2-135m-instruct";

/// The same for the model that makes vectors.
pub const EMBEDDING_MODEL: &str = "all-minilm-l6-v2";
