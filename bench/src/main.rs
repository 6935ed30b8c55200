//! What Spillway costs and what it brings, measured in one run beside a baseline.
//!
//! `cargo xtask bench <name>` builds what is needed and starts this. Machines are shared and noisy: a figure is a
//! ratio of two things that were measured in turn in one run, with its quartiles; nothing here is asserted on time.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its tables")]

mod bar;
mod cache;
mod cost;
mod figures;
mod machine;
mod overhead;
mod progress;
mod quartiles;
mod routing;
mod shedding;
mod table;
mod weights;
mod worker;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// CPU time of Envoy per request: bare, with two empty filters, with endpoint-picker and circuit-breaker
    Overhead(overhead::Options),
    /// What the response cache saves and what it costs, beside bare Envoy
    Cache(cache::Options),
    /// What the choice of endpoints and the circuits bring, beside Envoy's own policies
    Routing(routing::Options),
    /// What the load-shedder brings under overload, beside plain Envoy and Envoy's own adaptive concurrency
    Shedding(shedding::Options),
    /// What the inference worker gets through with the default model on the processor
    Worker(worker::Options),
    /// What the weights cache brings, before a store behind a slow line
    Weights(weights::Options),
}

#[tokio::main]
async fn main() -> Result<()> {
    println!("{}", machine::describe());
    match Arguments::parse().benchmark {
        Benchmark::Overhead(options) => overhead::run(&options).await,
        Benchmark::Cache(options) => cache::run(&options).await,
        Benchmark::Routing(options) => routing::run(&options).await,
        Benchmark::Shedding(options) => shedding::run(&options).await,
        Benchmark::Worker(options) => worker::run(&options).await,
        Benchmark::Weights(options) => weights::run(&options),
    }
}
