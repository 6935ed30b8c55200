//! What is counted.

use std::collections::BTreeMap;

use spillway_caching::eligible::Bypass;
use spillway_caching::storable::Unstorable;
use spillway_contract::metrics::filter_metric;
use spillway_host::{Counter, Gauge, Host, HostError};

/// Where an answer that was an entry came from. Also the word in metrics and in the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hit {
    /// Envoy's memory.
    Memory,
    /// The cache tier.
    Tier,
    /// Another request's answer, for which this one had waited.
    Collapsed,
    /// A stale entry.
    Stale,
}

impl Hit {
    const ALL: [Self; 4] = [Self::Memory, Self::Tier, Self::Collapsed, Self::Stale];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Tier => "tier",
            Self::Collapsed => "collapsed",
            Self::Stale => "stale",
        }
    }
}

/// The counters.
pub(crate) struct Counters {
    hits: BTreeMap<Hit, Counter>,
    bypasses: BTreeMap<&'static str, Counter>,
    unstorable: BTreeMap<&'static str, Counter>,
    /// Requests that were sent on, to be answered by a worker.
    pub(crate) misses: Counter,
    /// In mode `observe`: what would have been hits.
    pub(crate) hits_observed: Counter,
    /// `only-if-cached`, and it was not.
    pub(crate) not_cached: Counter,
    pub(crate) stored: Counter,
    /// Requests that began to wait for another one's answer.
    pub(crate) followers: Counter,
    /// Those that waited for too long, and were sent themselves.
    pub(crate) followers_late: Counter,
    /// Those that took over, because the one they waited for had no answer.
    pub(crate) successions: Counter,
    pub(crate) refreshes: Counter,
    pub(crate) tier_lookups: Counter,
    pub(crate) tier_failures: Counter,
    pub(crate) tier_damaged: Counter,
    pub(crate) tier_writes: Counter,
    pub(crate) tier_writes_failed: Counter,
    pub(crate) tier_writes_dropped: Counter,
    pub(crate) memory_bytes: Gauge,
}

impl Counters {
    pub(crate) fn define(host: &dyn Host) -> Result<Self, HostError> {
        let counter =
            |noun: &str| Counter::define(host, &filter_metric("response-cache", &format!("{noun}_total")));
        let words = |prefix: &str, words: &mut dyn Iterator<Item = &'static str>| {
            words
                .map(|word| Ok((word, counter(&format!("{prefix}_{word}"))?)))
                .collect::<Result<_, HostError>>()
        };
        let hits = Hit::ALL.into_iter().map(|hit| Ok((hit, counter(&format!("hits_{}", hit.as_str()))?)));
        Ok(Self {
            hits: hits.collect::<Result<_, HostError>>()?,
            bypasses: words("bypass", &mut Bypass::all().map(Bypass::as_str))?,
            unstorable: words("unstorable", &mut Unstorable::ALL.into_iter().map(Unstorable::as_str))?,
            misses: counter("misses")?,
            hits_observed: counter("hits_observed")?,
            not_cached: counter("only_if_cached_misses")?,
            stored: counter("stored")?,
            followers: counter("followers")?,
            followers_late: counter("followers_late")?,
            successions: counter("successions")?,
            refreshes: counter("refreshes")?,
            tier_lookups: counter("tier_lookups")?,
            tier_failures: counter("tier_failures")?,
            tier_damaged: counter("tier_damaged")?,
            tier_writes: counter("tier_writes")?,
            tier_writes_failed: counter("tier_writes_failed")?,
            tier_writes_dropped: counter("tier_writes_dropped")?,
            memory_bytes: Gauge::define(host, &filter_metric("response-cache", "memory_bytes"))?,
        })
    }

    pub(crate) fn hit(&self, host: &dyn Host, hit: Hit) {
        self.hits.get(&hit).into_iter().for_each(|counter| counter.add(host, 1));
    }

    pub(crate) fn bypass(&self, host: &dyn Host, reason: Bypass) {
        self.bypasses.get(reason.as_str()).into_iter().for_each(|counter| counter.add(host, 1));
    }

    pub(crate) fn unstorable(&self, host: &dyn Host, reason: Unstorable) {
        self.unstorable.get(reason.as_str()).into_iter().for_each(|counter| counter.add(host, 1));
    }
}
