//! What an operator may set about the books.

use std::time::Duration;

use spillway_primitives::Ewma;
use spillway_routing::table::Bounds;

/// Settings of the books. Filters that share a pool should agree on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many endpoints a pool may have.
    pub bounds: Bounds,
    /// How fast the mean time to first token follows.
    pub response_time: Ewma,
    /// How fast the share of failures follows.
    pub failures: Ewma,
    /// A failed attempt counts as having taken at least this long.
    pub failure_counts_as: Duration,
    /// How long a table without a fresh membership goes on serving.
    pub membership_lasts: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: Bounds { max_endpoints: 1024 },
            response_time: Ewma::new(100),
            failures: Ewma::new(300),
            failure_counts_as: Duration::from_secs(10),
            membership_lasts: Duration::from_secs(30),
        }
    }
}
