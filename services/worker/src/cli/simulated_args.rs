//! Options of the simulated engine.

use super::ranges;
use crate::engine::simulated::{Behaviour, Rates};
use clap::Args;
use std::time::Duration;

/// How the simulated engine behaves at the start.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
pub struct SimulatedArgs {
    /// Simulated: what every request takes before anything else: 0 to 3600000
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 20, value_parser = ranges::time_ms)]
    pub base_latency_ms: u32,

    /// Simulated: tokens of a prompt per second: 0.1 to 10000000
    #[arg(long, value_name = "RATE", default_value_t = 2000.0, value_parser = ranges::rate)]
    pub prefill_tokens_per_s: f64,

    /// Simulated: tokens of one answer per second: 0.1 to 10000000
    #[arg(long, value_name = "RATE", default_value_t = 50.0, value_parser = ranges::rate)]
    pub decode_tokens_per_s: f64,

    /// Simulated: a request takes from 1 - ratio to 1 + ratio times its time: 0 to 1
    #[arg(long, value_name = "RATIO", default_value_t = 0.0, value_parser = ranges::ratio)]
    pub jitter_ratio: f64,

    /// Simulated: jitter, faults and words follow from it: 0 to 18446744073709551615
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,

    /// Simulated: send the headers of a stream at once, its first event later
    #[arg(long)]
    pub headers_first: bool,

    /// Simulated: the GPU utilisation that it reports: 0 to 1. Without it none is reported
    #[arg(long, value_name = "RATIO", value_parser = ranges::ratio)]
    pub gpu_utilization: Option<f64>,
}

impl SimulatedArgs {
    /// How long things take.
    #[must_use]
    pub fn rates(&self) -> Rates {
        Rates {
            base_latency: Duration::from_millis(u64::from(self.base_latency_ms)),
            prefill_tokens_per_s: self.prefill_tokens_per_s,
            decode_tokens_per_s: self.decode_tokens_per_s,
        }
    }

    /// How the engine behaves at first.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        Behaviour {
            jitter_ratio: self.jitter_ratio,
            headers_first: self.headers_first,
            gpu_utilization: self.gpu_utilization,
            ..Behaviour::default()
        }
    }
}
