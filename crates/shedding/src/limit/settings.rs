//! What an operator sets about the limit.

use std::time::Duration;

/// What an operator sets about the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The limit is never lower.
    pub min: u32,
    /// Nor higher.
    pub max: u32,
    /// The first one, for each endpoint. Low: from there it grows by half each window, and what is measured on the way is
    /// measured without a queue.
    pub initial_per_endpoint: u32,
    /// The least time between two changes.
    pub window: Duration,
    /// With fewer first tokens than these a window goes on, up to four times as long.
    pub min_samples: u32,
    /// So many may wait at the inference workers, in thousandths of the limit, and at least one: with less, a slot that
    /// becomes free would be without work until the next request has come.
    pub allowance_permille: u16,
    /// The most by which the limit shrinks at once, in thousandths.
    pub max_shrink_permille: u16,
    /// The baseline is the least of this epoch and the one before.
    pub epoch: Duration,
    /// The share of the limit that a saturated pool gets while the baseline is measured, in thousandths.
    pub dip_permille: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min: 1,
            max: 10_000,
            initial_per_endpoint: 4,
            window: Duration::from_millis(500),
            min_samples: 5,
            allowance_permille: 50,
            max_shrink_permille: 300,
            epoch: Duration::from_secs(300),
            dip_permille: 800,
        }
    }
}

impl Settings {
    /// How many may wait at the inference workers.
    pub(super) fn allowance(&self, limit: f64) -> f64 {
        (limit * f64::from(self.allowance_permille) / 1000.0).max(1.0)
    }
}
