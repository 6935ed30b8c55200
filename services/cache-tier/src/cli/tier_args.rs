//! Options that all tiers behind memory share.

use super::{millis, ranges, size};
use crate::purge::MarkLimits;
use crate::tier::{LayerConfig, QueueLimits};
use clap::Args;
use spillway_breaker::Policy;
use spillway_primitives::Backoff;
use std::time::Duration;

/// What all tiers behind memory have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct TierArgs {
    /// How many entries may wait to be written to a tier: 1 to 10000000. More are dropped
    #[arg(long, env = "SPILLWAY_CACHE_TIER_QUEUE_ENTRIES", value_name = "ENTRIES", default_value_t = 10_000, value_parser = ranges::at_least_one)]
    pub queue_entries: u32,

    /// How many bytes may wait to be written to a tier: 1048576 to 17592186044416. More are dropped
    #[arg(long, env = "SPILLWAY_CACHE_TIER_QUEUE_MAX_BYTES", value_name = "BYTES", default_value_t = 67_108_864, value_parser = ranges::tier_bytes)]
    pub queue_max_bytes: u64,

    /// After so many failures in a row a tier is left alone for a while: 1 to 10000000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_CIRCUIT_FAILURES", value_name = "FAILURES", default_value_t = 3, value_parser = ranges::at_least_one)]
    pub circuit_failures: u32,

    /// How long at first: 1 to 60000. Twice as long each time that it fails again, up to 30 times
    #[arg(long, env = "SPILLWAY_CACHE_TIER_CIRCUIT_OPEN_MS", value_name = "MILLISECONDS", default_value_t = 1000, value_parser = ranges::limit_ms)]
    pub circuit_open_ms: u32,

    /// How far the clocks of cache tiers that share Redis or a store may be apart: 0 to 60000. A purge reaches so far
    /// ahead
    #[arg(long, env = "SPILLWAY_CACHE_TIER_CLOCK_SKEW_MS", value_name = "MILLISECONDS", default_value_t = 2000, value_parser = ranges::time_ms)]
    pub clock_skew_ms: u32,
}

/// More purges than this at a time become one of everything.
const MAX_MARKS: usize = 100_000;

/// How much longer than its base a circuit stays open at most.
const LONGEST_OPEN: u32 = 30;

impl TierArgs {
    /// How a tier with these times is used.
    #[must_use]
    pub fn layer(&self, (ttl, timeout): (Duration, Duration), marks_every: Duration) -> LayerConfig {
        LayerConfig {
            ttl,
            timeout,
            queue: QueueLimits {
                changes: size(self.queue_entries),
                bytes: usize::try_from(self.queue_max_bytes).unwrap_or(usize::MAX),
            },
            circuit: self.circuit(),
            marks_every,
            sweep_every: None,
        }
    }

    /// When a tier is left alone.
    fn circuit(&self) -> Policy {
        let open = millis(self.circuit_open_ms);
        Policy {
            max_fails: self.circuit_failures,
            open: Backoff::new(open, open.saturating_mul(LONGEST_OPEN), 100),
            probe_lasts: Duration::from_secs(10),
            ..Policy::default()
        }
    }

    /// Bounds on purges, for tiers that keep entries for so long together.
    #[must_use]
    pub fn mark_limits(&self, all_ttls: Duration) -> MarkLimits {
        let skew = millis(self.clock_skew_ms);
        MarkLimits { skew, retention: all_ttls + skew * 2, max_marks: MAX_MARKS }
    }
}
