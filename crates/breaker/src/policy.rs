//! What an operator sets about circuits.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Backoff;

/// What an operator sets about circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Failures in a row that open the circuit, at least 1.
    pub max_fails: u32,
    /// The share of failures that opens it; `None`: only failures in a row do.
    pub ratio: Option<Ratio>,
    /// How long it is open: longer each time that a probe fails.
    pub open: Backoff,
    /// How many probes may be under way at once, 1 to 16.
    pub probes: usize,
    /// How many probes must succeed before it closes, at least 1.
    pub successes: u32,
    /// A probe of which nothing is heard for so long has failed.
    pub probe_lasts: Duration,
    /// The longest wait that an endpoint may ask for with `Retry-After`.
    pub max_retry_after: Duration,
    /// The most endpoints of a pool that may be isolated at once, in percent; those of less than one are none.
    pub max_isolated_percent: u32,
}

/// When the share of failures opens a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// Share of failures, in thousandths.
    pub failure_permille: u32,
    /// Fewer requests than this say nothing.
    pub min_requests: u64,
    /// Over this time, or half of it: the window moves in halves.
    pub window: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_fails: 3,
            ratio: Some(Ratio { failure_permille: 500, min_requests: 20, window: Duration::from_secs(10) }),
            open: Backoff::new(Duration::from_secs(30), Duration::from_secs(300), 100),
            probes: 1,
            successes: 1,
            probe_lasts: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(60),
            max_isolated_percent: 50,
        }
    }
}
