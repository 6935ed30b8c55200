//! From a pool's books to the list of endpoints for one request.

use spillway_host::Host;
use spillway_pool::View;
use spillway_primitives::Rng;
use spillway_routing::choice::{MAX_CANDIDATES, order, sample};
use spillway_routing::score::Weights;

/// Why a request was, or was not, given endpoints. Also the word in the access log and in the metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Chosen by score.
    Score,
    /// A rule says that the picker leaves this request alone.
    Off,
    /// The route names no cluster, or there are more pools than the books hold.
    NoPool,
    /// Nobody in the pool may be chosen, or nobody is known: Envoy's own policy decides.
    NoEndpoints,
    /// A `stats_matcher` hides the gauges that a choice needs.
    GaugesHidden,
}

impl Reason {
    pub(crate) const ALL: [Self; 5] =
        [Self::Score, Self::Off, Self::NoPool, Self::NoEndpoints, Self::GaugesHidden];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Off => "off",
            Self::NoPool => "no_pool",
            Self::NoEndpoints => "no_endpoints",
            Self::GaugesHidden => "gauges_hidden",
        }
    }
}

/// How a choice is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) weights: Weights,
    pub(crate) candidates: usize,
    pub(crate) attempts: usize,
}

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picked {
    /// `ip:port[,ip:port…]`, best first.
    pub(crate) destinations: String,
    /// How many endpoints were looked at.
    pub(crate) candidates: usize,
}

impl Picked {
    /// The first of the destinations.
    pub(crate) fn first(&self) -> &str {
        self.destinations.split(',').next().unwrap_or_default()
    }
}

/// Chooses among a pool's eligible endpoints; `None` when there is none.
///
/// The number of calls to the host follows from the number of candidates alone.
pub(crate) fn pick(host: &dyn Host, view: &View, how: How, rng: &mut Rng) -> Option<Picked> {
    let eligible = view.eligible();
    let total = u32::try_from(eligible.len()).unwrap_or(u32::MAX);
    let candidates = sample(total, how.candidates, rng);
    let place = |at: &u32| eligible.get(*at as usize).copied();
    let mut chances = [0.0; MAX_CANDIDATES];
    for (chance, at) in chances.iter_mut().zip(candidates.as_slice()) {
        *chance = how.weights.chance(view.load(host, place(at)?), view.fastest_us(), rng);
    }
    let ordered = order(candidates, &chances, rng);
    let mut destinations = String::with_capacity(how.attempts * 22);
    for address in ordered.as_slice().iter().take(how.attempts).filter_map(|at| view.address(place(at)?)) {
        if !destinations.is_empty() {
            destinations.push(',');
        }
        destinations.push_str(address);
    }
    (!destinations.is_empty()).then_some(Picked { destinations, candidates: candidates.as_slice().len() })
}

#[cfg(test)]
#[path = "pick_tests.rs"]
mod tests;
