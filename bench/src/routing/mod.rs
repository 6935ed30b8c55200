//! What the choice of endpoints and the circuits bring, beside Envoy's own policies: how evenly workers are loaded, how
//! long clients wait, what a node that fails costs, and what the loss of a zone does.
//!
//! Real Envoy with two Envoy workers and its shipped configuration; inference workers with a simulated engine, eight
//! slots each. Load of a worker = time integral of its requests in flight ÷ its slots, from the worker's own counters.
//! What is compared runs in turn, round by round; quoted are medians and quartiles over the rounds.

mod balancer;
mod cpu;
mod engine;
mod even;
mod faults;
mod slice;
mod spread;
mod watch;
mod zone;

use anyhow::Result;
use clap::{Args, ValueEnum};

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// How long the worker that fails does so
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..))]
    fault_s: u64,
    /// How long is waited for it to come back; a circuit is open for 30 s, and the endpoint then warms up for 10 s
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(5..))]
    recovery_s: u64,
    /// Load while a worker fails, of the capacity of all three
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=100))]
    fault_percent: u16,
    /// For the worker that stalls: the limit of the circuit-breaker; the default of 30 s makes a run long
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(100..))]
    first_token_timeout_ms: u64,
    /// For the same: when Envoy gives up on an attempt and tries elsewhere
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    try_timeout_s: u64,
    /// Load when a zone is lost, of the capacity of both
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=100))]
    zone_percent: u16,
    /// One short round of everything: to see that it works
    #[arg(long)]
    quick: bool,
    /// What to measure; all by default
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How evenly workers are loaded, and how long clients wait
    Even,
    /// What a node costs that fails, and when it is back
    Faults,
    /// What the loss of a zone does
    Zone,
}

impl Options {
    fn rounds(&self) -> u16 {
        if self.quick { 1 } else { self.rounds }
    }

    fn seconds(&self) -> u64 {
        if self.quick { self.seconds.min(6) } else { self.seconds }
    }
}

/// Measures, prints and keeps the tables.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    if wanted(Part::Even) {
        even::run(options).await?;
    }
    if wanted(Part::Faults) {
        faults::run(options).await?;
    }
    if wanted(Part::Zone) {
        zone::run(options).await?;
    }
    Ok(())
}
