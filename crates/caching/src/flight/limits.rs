//! How much may be in flight.

use std::time::Duration;

/// How much may be in flight, in one record, and for how long a leader leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Different requests.
    pub max_flights: usize,
    /// Requests that wait for one answer.
    pub max_followers: usize,
    /// Keys that pass.
    pub max_passes: usize,
    /// After so long a leader counts as lost. Longer than the longest answer takes.
    pub lasts: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_flights: 64, max_followers: 64, max_passes: 64, lasts: Duration::from_secs(60) }
    }
}
