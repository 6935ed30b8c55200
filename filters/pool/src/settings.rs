//! What an operator may set about the books.

use std::time::Duration;

use spillway_breaker::Policy;
use spillway_primitives::Ewma;
use spillway_routing::table::Bounds;

/// Settings of the books. Filters that share a pool should agree on them.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// How long an endpoint's load report is believed.
    pub report_lasts: Duration,
    /// How endpoints are chosen, by a filter that does; `None` for one that only books attempts, which then need not
    /// gather what a choice needs.
    pub choice: Option<Choice>,
    /// What is done about circuits, by the filter that keeps them; `None` for others, which go by what it left.
    pub circuits: Option<Policy>,
}

/// What a filter that chooses endpoints needs to have gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The zone of this Envoy; empty where zones are not told apart.
    pub zone: String,
    /// Whether there is affinity, which needs a ring.
    pub affinity: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: Bounds { max_endpoints: 1024 },
            response_time: Ewma::new(100),
            failures: Ewma::new(300),
            failure_counts_as: Duration::from_secs(10),
            membership_lasts: Duration::from_secs(30),
            report_lasts: Duration::from_secs(30),
            choice: None,
            circuits: None,
        }
    }
}
