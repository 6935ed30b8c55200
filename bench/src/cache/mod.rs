//! What the response cache saves, and what it costs.
//!
//! Real Envoy with its shipped configuration. Duplicates are counted at inference workers with a simulated engine, by two
//! Envoy workers; costs are CPU time of Envoy with one Envoy worker in front of endpoints that answer at once, beside bare
//! Envoy in the same run, slice by slice.

mod cost;
mod duplicates;
mod latency;
mod memory;
mod proxies;

use anyhow::Result;
use clap::{Args, ValueEnum};

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(2..))]
    rounds: u16,
    /// Milliseconds of load per proxy and round
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    slice_ms: u64,
    /// Requests of the stream in which duplicates are counted
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u64).range(100..))]
    requests: u64,
    /// Distinct prompts that go through a bounded memory
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    prompts: u64,
    /// What to measure; all by default
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How often the same thing is computed twice
    Duplicates,
    /// CPU time of a hit, and of the key of a long prompt
    Cost,
    /// How long a hit takes
    Latency,
    /// What Envoy's memory grows by
    Memory,
}

/// Measures, prints and keeps the tables.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    if wanted(Part::Duplicates) {
        duplicates::run(options).await?;
    }
    if wanted(Part::Cost) {
        cost::run(options).await?;
    }
    if wanted(Part::Latency) {
        latency::run(options).await?;
    }
    if wanted(Part::Memory) {
        memory::run(options).await?;
    }
    Ok(())
}
