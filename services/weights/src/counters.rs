//! What is counted.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Where something came from, or where it failed; the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// This process had mapped it already.
    Memory,
    /// The disk of the machine.
    Disk,
    /// Redis.
    Redis,
    /// The store.
    Store,
}

impl Tier {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Redis => "redis",
            Self::Store => "store",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TierLabel {
    tier: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// The counters of one process.
#[derive(Debug, Clone)]
pub struct Counters {
    loads: Family<TierLabel, Counter>,
    chunks: Family<TierLabel, Counter>,
    refused: Family<TierLabel, Counter>,
    faults: Family<TierLabel, Counter>,
    pointers: Family<ResultLabel, Counter>,
    evicted: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        let pointers = Family::default();
        for result in ["fresh", "asked", "stale"] {
            pointers.get_or_create_owned(&ResultLabel { result });
        }
        Self {
            loads: by_tier(&[Tier::Memory, Tier::Disk, Tier::Redis, Tier::Store]),
            chunks: by_tier(&[Tier::Redis, Tier::Store]),
            refused: by_tier(&[Tier::Disk, Tier::Redis, Tier::Store]),
            faults: by_tier(&[Tier::Redis, Tier::Store]),
            pointers,
            evicted: Counter::default(),
        }
    }
}

/// Counters that are there from the start: so their first increase is one that a query can see.
fn by_tier(tiers: &[Tier]) -> Family<TierLabel, Counter> {
    let family = Family::default();
    for tier in tiers {
        family.get_or_create_owned(&TierLabel { tier: tier.as_str() });
    }
    family
}

impl Counters {
    /// Has a registry show them.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("weights");
        registry.register("loads", "Loads of weights, by the farthest tier they needed", self.loads.clone());
        registry.register("chunks", "Chunks that were fetched, by where from", self.chunks.clone());
        registry.register(
            "chunks_refused",
            "Chunks whose digest was wrong, by where from",
            self.refused.clone(),
        );
        registry.register("faults", "Requests to a tier that failed", self.faults.clone());
        registry.register("pointers", "What names stand for, by how that was known", self.pointers.clone());
        registry.register("evicted", "Models that gave way on disk", self.evicted.clone());
    }

    pub(crate) fn load(&self, tier: Tier) {
        self.loads.get_or_create_owned(&TierLabel { tier: tier.as_str() }).inc();
    }

    pub(crate) fn chunk(&self, tier: Tier) {
        self.chunks.get_or_create_owned(&TierLabel { tier: tier.as_str() }).inc();
    }

    pub(crate) fn refused(&self, tier: Tier) {
        self.refused.get_or_create_owned(&TierLabel { tier: tier.as_str() }).inc();
    }

    pub(crate) fn fault(&self, tier: Tier) {
        self.faults.get_or_create_owned(&TierLabel { tier: tier.as_str() }).inc();
    }

    /// `fresh`: as the disk says; `asked`: as the store says; `stale`: as the disk says, because the store says nothing.
    pub(crate) fn pointer(&self, result: &'static str) {
        self.pointers.get_or_create_owned(&ResultLabel { result }).inc();
    }

    pub(crate) fn evicted(&self) {
        self.evicted.inc();
    }
}
