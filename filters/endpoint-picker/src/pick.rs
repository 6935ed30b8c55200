//! From a pool's books to the list of endpoints for one request.

use std::time::Duration;

use spillway_host::Host;
use spillway_pool::{PoolId, Pools, Probe, Scope};
use spillway_primitives::{Rng, Timestamp};
use spillway_routing::decision::{self, Policy, decide};

use crate::ask::Ask;

/// Why a request was, or was not, given endpoints. Also the word in the access log and in the metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Chosen by score.
    Score,
    /// Chosen by score in another zone, because one's own is full or gone.
    Spill,
    /// The endpoint that requests like this one met before.
    Affinity,
    /// The probe of an endpoint that was isolated.
    Probe,
    /// A rule says that the picker leaves this request alone.
    Off,
    /// The route names no cluster, or there are more pools than the books hold.
    NoPool,
    /// Nobody in the pool may be chosen, or nobody is known: Envoy's own policy decides.
    NoEndpoints,
    /// Everybody in the pool is isolated: the request is refused.
    AllIsolated,
    /// A `stats_matcher` hides the gauges that a choice needs.
    GaugesHidden,
}

impl Reason {
    pub(crate) const ALL: [Self; 9] = [
        Self::Score,
        Self::Spill,
        Self::Affinity,
        Self::Probe,
        Self::Off,
        Self::NoPool,
        Self::NoEndpoints,
        Self::AllIsolated,
        Self::GaugesHidden,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Spill => "spill",
            Self::Affinity => "affinity",
            Self::Probe => "probe",
            Self::Off => "off",
            Self::NoPool => "no_pool",
            Self::NoEndpoints => "no_endpoints",
            Self::AllIsolated => "all_isolated",
            Self::GaugesHidden => "gauges_hidden",
        }
    }
}

impl From<decision::Reason> for Reason {
    fn from(reason: decision::Reason) -> Self {
        match reason {
            decision::Reason::Score => Self::Score,
            decision::Reason::Spill => Self::Spill,
            decision::Reason::Affinity => Self::Affinity,
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// It goes to these.
    Endpoints(Endpoints),
    /// Everybody is isolated for so long.
    AllIsolated(Duration),
    /// Envoy's own policy decides.
    Nobody(Reason),
}

impl Pick {
    pub(crate) const fn reason(&self) -> Reason {
        match self {
            Self::Endpoints(endpoints) => endpoints.reason,
            Self::AllIsolated(_) => Reason::AllIsolated,
            Self::Nobody(reason) => *reason,
        }
    }
}

/// The endpoints of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// `ip:port[,ip:port…]`, best first.
    pub(crate) destinations: String,
    /// The place of the first.
    pub(crate) first: u32,
    /// Why the first is first.
    pub(crate) reason: Reason,
    /// How many endpoints were looked at.
    pub(crate) looked_at: usize,
    /// What the first is sent as, if its circuit is half-open.
    pub(crate) probe: Option<Probe>,
}

impl Endpoints {
    /// The address of the first.
    pub(crate) fn first_address(&self) -> &str {
        self.destinations.split(',').next().unwrap_or_default()
    }
}

/// Chooses among a pool's endpoints. `may_probe`: the request may be the probe of one whose circuit is half-open.
///
/// The number of calls to the host follows from the number of candidates alone.
pub(crate) fn pick(
    host: &dyn Host,
    pools: &mut Pools,
    pool: PoolId,
    ask: Ask,
    may_probe: bool,
    policy: &Policy,
    (now, rng): (Timestamp, &mut Rng),
) -> Pick {
    pools.follow_circuits(pool);
    let probe = if may_probe { pools.due_probe(pool, ask.scope, now) } else { None };
    let Some(view) = pools.view(pool) else { return Pick::Nobody(Reason::NoPool) };
    let decided =
        decide(view.snapshot(), policy, ask.affinity, now, rng, |place| view.live(host, place, ask.scope));
    let mut places = decided.map(|decision| decision.order).unwrap_or_default();
    let (mut reason, looked_at) =
        decided.map_or((Reason::NoEndpoints, 0), |decision| (decision.reason.into(), decision.looked_at));
    if let Some(probe) = probe {
        places = places.with_first(probe.place(), policy.attempts);
        reason = Reason::Probe;
    }
    let Some(first) = places.first() else { return nobody(pools, pool, ask.scope, now) };
    let mut destinations = String::with_capacity(policy.attempts * 22);
    for address in places.as_slice().iter().filter_map(|place| view.address(*place)) {
        if !destinations.is_empty() {
            destinations.push(',');
        }
        destinations.push_str(address);
    }
    Pick::Endpoints(Endpoints { destinations, first, reason, looked_at, probe })
}

fn nobody(pools: &Pools, pool: PoolId, scope: Scope, now: Timestamp) -> Pick {
    pools.all_isolated_for(pool, scope, now).map_or(Pick::Nobody(Reason::NoEndpoints), Pick::AllIsolated)
}

#[cfg(test)]
#[path = "pick_tests.rs"]
mod tests;
