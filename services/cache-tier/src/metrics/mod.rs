//! What the cache tier counts, for Prometheus.
//!
//! Labels are words of this program: nothing that a client sent becomes one.

mod exposition;

pub use exposition::exposition;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use spillway_contract::cache::protocol::Tier;
use std::time::Duration;

/// Seconds: from memory to a store that is slow.
const SECONDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// What a layer is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Look an entry up.
    Get,
    /// Write entries.
    Put,
    /// Delete entries.
    Delete,
}

impl Operation {
    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    request: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    tier: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TimeLabels {
    tier: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    tier: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabel {
    scope: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// The counters. What others know better (sizes, queues, circuits) is asked for at scrape time: [`exposition()`].
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    lookups: Family<ResultLabel, Counter>,
    lookup_s: Histogram,
    operations: Family<OperationLabels, Counter>,
    operation_s: Family<TimeLabels, Histogram>,
    unreadable: Family<ReasonLabels, Counter>,
    writes_dropped: Family<ReasonLabels, Counter>,
    leases: Family<EventLabel, Counter>,
    purges: Family<ScopeLabel, Counter>,
    budgets: Family<OutcomeLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let lookups = Family::default();
        for result in Tier::ALL.map(Tier::as_str).into_iter().chain(["miss"]) {
            // A counter that is there from the start has a first increase that a query can see.
            lookups.get_or_create_owned(&ResultLabel { result });
        }
        Self {
            requests: Family::default(),
            lookups,
            lookup_s: Histogram::new(SECONDS),
            operations: Family::default(),
            operation_s: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            unreadable: Family::default(),
            writes_dropped: Family::default(),
            leases: Family::default(),
            purges: Family::default(),
            budgets: Family::default(),
        }
    }
}

impl Metrics {
    /// A request ended.
    pub fn request(&self, request: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&RequestLabels { request, outcome }).inc();
    }

    /// An entry was looked up, and found in that tier or not at all.
    pub fn lookup(&self, found: Option<Tier>, took: Duration) {
        let result = found.map_or("miss", Tier::as_str);
        self.lookups.get_or_create(&ResultLabel { result }).inc();
        self.lookup_s.observe(took.as_secs_f64());
    }

    /// How many lookups ended that way.
    #[must_use]
    pub fn lookups(&self, found: Option<Tier>) -> u64 {
        let result = found.map_or("miss", Tier::as_str);
        self.lookups.get_or_create(&ResultLabel { result }).get()
    }

    /// A layer was asked to do something.
    pub fn tier(&self, tier: Tier, operation: Operation, outcome: &'static str) {
        let labels = OperationLabels { tier: tier.as_str(), operation: operation.as_str(), outcome };
        self.operations.get_or_create(&labels).inc();
    }

    /// How long that took.
    pub fn tier_took(&self, tier: Tier, operation: Operation, took: Duration) {
        let labels = TimeLabels { tier: tier.as_str(), operation: operation.as_str() };
        self.operation_s.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// What a layer has is no entry.
    pub fn unreadable(&self, tier: Tier, reason: &'static str) {
        self.unreadable.get_or_create(&ReasonLabels { tier: tier.as_str(), reason }).inc();
    }

    /// A change of a layer was not made.
    pub fn write_dropped(&self, tier: Tier, reason: &'static str) {
        self.writes_dropped.get_or_create(&ReasonLabels { tier: tier.as_str(), reason }).inc();
    }

    /// Something happened to a lease.
    pub fn lease(&self, event: &'static str) {
        self.leases.get_or_create(&EventLabel { event }).inc();
    }

    /// What was used of a tenant's budgets was told.
    pub fn budget(&self, outcome: &'static str) {
        self.budgets.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// A purge.
    pub fn purge(&self, scope: &'static str) {
        self.purges.get_or_create(&ScopeLabel { scope }).inc();
    }
}
