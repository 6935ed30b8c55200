//! What the load-shedder brings under overload, beside plain Envoy and Envoy's own adaptive concurrency; how soon it is back
//! to normal; whether it finds the capacity; how two Envoys before the same workers fare; and what a refusal costs.
//!
//! Real Envoy with two Envoy workers and its shipped configuration; three inference workers with a simulated engine, whose
//! capacity C is known. Requests arrive at times of their own, at a constant mean rate, streamed, of three priority levels.
//! Each client says that it waits for a second for its first token, and is gone after two, whatever has come, where nothing
//! else is said; an answer is good if it is whole and began within that second.

mod goodput;
mod limit;
mod picture;
mod pool;
mod priority;
mod proxy;
mod recovery;
mod refusal;
mod retry_after;
mod traffic;
mod two_envoys;
mod watch;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds of each measurement under constant load
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// Critical requests of the mix of levels
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(100..))]
    requests: u64,
    /// Milliseconds of load per proxy and round, where the CPU time of a refusal is measured
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    slice_ms: u64,
    /// Seconds of load before that
    #[arg(long, default_value_t = 20)]
    warm_up_s: u64,
    /// Changes of the load-shedder's configuration, as JSON; not where the CPU time of a refusal is measured
    #[arg(long, value_parser = |text: &str| serde_json::from_str::<Value>(text), default_value = "{}")]
    shedder: Value,
    /// What to measure; all by default
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Good answers a second at one to six times the capacity
    Goodput,
    /// How critical requests fare at three times the capacity
    Priority,
    /// How soon all is normal again, and how steady the ladder is
    Recovery,
    /// Whether the limit is what the workers can do
    Limit,
    /// Two Envoys before the same workers, each with half of the load, beside one with all of it
    TwoEnvoys,
    /// CPU time of a refusal
    Refusal,
    /// When clients that were refused come back, and how they fare then
    RetryAfter,
}

/// Measures, prints and keeps the tables.
pub(crate) async fn run(options: &Options) -> Result<()> {
    println!("{}", pool::describe());
    ensure!(options.shedder.is_object(), "--shedder: expected an object");
    if options.shedder != json!({}) {
        println!("with {} in the load-shedder's configuration", options.shedder);
    }
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    if wanted(Part::Goodput) {
        goodput::run(options).await?;
    }
    if wanted(Part::Priority) {
        priority::run(options).await?;
    }
    if wanted(Part::Recovery) {
        recovery::run(options).await?;
    }
    if wanted(Part::Limit) {
        limit::run(options).await?;
    }
    if wanted(Part::TwoEnvoys) {
        two_envoys::run(options).await?;
    }
    if wanted(Part::Refusal) {
        refusal::run(options).await?;
    }
    if wanted(Part::RetryAfter) {
        retry_after::run(options).await?;
    }
    Ok(())
}
