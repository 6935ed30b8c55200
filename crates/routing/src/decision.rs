//! Which endpoints a request is given, best first: the decision as a whole.
//!
//! 1. **Affinity**, where it is asked for: the endpoint of the request's hash, unless it has too much in flight.
//! 2. **Candidates**: a few endpoints of one's own zone, at random.
//! 3. **Zones**: while those candidates have room, nobody else is looked at. As their free capacity falls under
//!    a share, endpoints of other zones join in, at first with little chance. The rule has no memory and follows
//!    the load of this moment, so it cannot flap: the zone stays at the load at which as much leaves as is too much.
//! 4. **Score** and draw ([`crate::score`], [`crate::choice`]).
//! 5. **Retries**: the second endpoint is of another zone than the first, where there is one.
//!
//! The cost follows from the number of candidates, never from that of endpoints.

use std::time::Duration;

use spillway_primitives::{Rng, Timestamp};

use crate::choice::{Few, MAX_CANDIDATES, order, sample};
use crate::known::{Known, Report};
use crate::score::{Load, SHARPNESS, Weights};
use crate::snapshot::Snapshot;

/// What an operator sets about decisions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The terms of the score.
    pub weights: Weights,
    /// How many endpoints are looked at, at most [`MAX_CANDIDATES`]; as many again in other zones, when there is need.
    pub candidates: usize,
    /// How many endpoints are named: the first attempt and the retries.
    pub attempts: usize,
    /// How other zones are used.
    pub zones: Zones,
    /// How long a new or recovered endpoint takes to get its full share.
    pub warm_up: Duration,
    /// Slots of an endpoint that reports none; `None` where they are not known.
    pub slots: Option<u32>,
    /// For affinity: how many times the mean in flight an endpoint may have, at least 1.
    pub bounded_load: f64,
}

/// How other zones are used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zones {
    /// Under this share of free slots among the local candidates, 0 to 1, requests begin to go elsewhere.
    pub spill_below: f64,
    /// Where slots are not known: what an endpoint elsewhere is worth beside a local one, 0 to 1.
    pub remote_worth: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            candidates: 4,
            attempts: 3,
            zones: Zones { spill_below: 0.2, remote_worth: 0.5 },
            warm_up: Duration::from_secs(10),
            slots: None,
            bounded_load: 1.25,
        }
    }
}

/// What changes from one request to the next about an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Attempts of this Envoy in flight there.
    pub in_flight: u64,
    /// What others have there, as it has said last; `None`: what was known at the last look will do.
    pub elsewhere: Option<u64>,
    /// Moving share of attempts that failed, in thousandths.
    pub failure_permille: u64,
    /// It may not be given this request: its circuit for the request's model is open.
    pub isolated: bool,
}

/// Why the first endpoint is first. Also the word for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Chosen by score, in one's own zone.
    Score,
    /// Chosen by score in another zone, because one's own is full or gone.
    Spill,
    /// The endpoint of the request's hash.
    Affinity,
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Places, best first; at least one.
    pub order: Few,
    /// Why the first is first.
    pub reason: Reason,
    /// How many endpoints were looked at.
    pub looked_at: usize,
}

/// Decides about one request. `None` when nobody may be chosen.
///
/// `affinity` is the hash of what should meet the same endpoint again. `live` is asked once for each endpoint that
/// is looked at.
pub fn decide(
    snapshot: &Snapshot,
    policy: &Policy,
    affinity: Option<u64>,
    now: Timestamp,
    rng: &mut Rng,
    mut live: impl FnMut(u32) -> Live,
) -> Option<Decision> {
    let mut looked = Looked::new(snapshot, policy, now);
    looked.at(sample_of(snapshot.local(), policy.candidates, rng), 1.0, rng, &mut live);
    let worth = looked.worth_of_other_zones();
    let remote = snapshot.remote();
    if worth > 0.0 {
        looked.at(sample_of(remote, policy.candidates, rng), worth, rng, &mut live);
    }
    if looked.candidates.as_slice().is_empty() {
        looked.walk(rng, &mut live);
    }
    let mut order = order(looked.candidates, &looked.chances, rng);
    let mut reason = match order.first().and_then(|place| snapshot.known(place)) {
        Some(first) if !first.is_local => Reason::Spill,
        _ => Reason::Score,
    };
    let mut looked_at = looked.candidates.as_slice().len();
    if let Some(hash) = affinity {
        let (home, steps) = home(snapshot, policy, hash, now, &mut live);
        looked_at += steps;
        if let Some(home) = home {
            order = order.with_first(home, usize::MAX);
            reason = Reason::Affinity;
        }
    }
    if worth <= 0.0 && policy.attempts > 1 {
        // Nobody was looked at there, but a retry should leave the zone: whoever it is.
        for place in sample_of(remote, 1, rng).as_slice() {
            looked_at += 1;
            if !live(*place).isolated {
                order.push(*place);
            }
        }
    }
    let first = order.first()?;
    let zone = |place: u32| snapshot.known(place).map(|known| known.zone);
    if let Some(at) = order.as_slice().iter().position(|place| zone(*place) != zone(first)) {
        order.bring_forward(at, 1);
    }
    order.truncate(policy.attempts.max(1));
    Some(Decision { order, reason, looked_at })
}

/// The candidates so far.
struct Looked<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    now: Timestamp,
    candidates: Few,
    chances: [f64; 2 * MAX_CANDIDATES],
    /// Sum of the shares of free slots; `None` once slots are not known.
    free: Option<f64>,
}

impl<'a> Looked<'a> {
    const fn new(snapshot: &'a Snapshot, policy: &'a Policy, now: Timestamp) -> Self {
        let chances = [0.0; 2 * MAX_CANDIDATES];
        Self { snapshot, policy, now, candidates: Few::EMPTY, chances, free: Some(0.0) }
    }

    /// Looks at some endpoints, each worth so much.
    fn at(&mut self, places: Few, worth: f64, rng: &mut Rng, live: &mut impl FnMut(u32) -> Live) {
        let Self { snapshot, policy, now, .. } = *self;
        for place in places.as_slice() {
            let (Some(known), live) = (snapshot.known(*place), live(*place)) else { continue };
            if live.isolated {
                continue;
            }
            let load = load(snapshot, policy, *place, known, live, now);
            self.free = self.free.zip(free(load)).map(|(sum, free)| sum + free);
            let chance = policy.weights.chance(load, snapshot.fastest_us(), rng);
            if let Some(cell) = self.chances.get_mut(self.candidates.as_slice().len()) {
                *cell = chance * worth.powi(SHARPNESS);
            }
            self.candidates.push(*place);
        }
    }

    /// Looks at endpoints in turn, from a random one on: for when everybody who was sampled is isolated for the model
    /// of the request. Not for ever: a pool where so many in a row are isolated has nobody to give.
    fn walk(&mut self, rng: &mut Rng, live: &mut impl FnMut(u32) -> Live) {
        const MOST: usize = 64;
        for places in [self.snapshot.local(), self.snapshot.remote()] {
            let start = if places.is_empty() { 0 } else { rng.usize(..places.len()) };
            for place in places.iter().cycle().skip(start).take(places.len().min(MOST)) {
                if self.candidates.as_slice().len() >= self.policy.candidates {
                    return;
                }
                let mut one = Few::EMPTY;
                one.push(*place);
                self.at(one, 1.0, rng, live);
            }
        }
    }

    /// What endpoints of other zones are worth beside those that were looked at, which are local: 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "a few")]
    fn worth_of_other_zones(&self) -> f64 {
        let Zones { spill_below, remote_worth } = self.policy.zones;
        match (self.candidates.as_slice().len(), self.free) {
            (0, _) => 1.0,
            (_, None) => remote_worth,
            (looked_at, Some(free)) => {
                let free = free / looked_at as f64;
                if free < spill_below { 1.0 - free / spill_below } else { 0.0 }
            }
        }
    }
}

/// What a draw needs to know of an endpoint.
fn load(snapshot: &Snapshot, policy: &Policy, place: u32, known: &Known, live: Live, now: Timestamp) -> Load {
    let slots = known.report.map(|report| report.slots).filter(|slots| *slots > 0);
    // One that has half the slots of another should have half as much in flight.
    let size = slots.map_or(1.0, |slots| f64::from(slots) / f64::from(snapshot.most_slots().max(1)));
    let elsewhere = snapshot.elsewhere(place);
    let own = live.in_flight as f64;
    let others = elsewhere.there(live.elsewhere);
    Load {
        in_flight: (own + elsewhere.to_make_up(live.elsewhere)).max(0.0),
        total: own + others,
        others,
        slots: slots.or(policy.slots),
        mean_us: known.mean_us,
        failure_permille: live.failure_permille,
        worth: f64::from(known.weight.max(1))
            * size
            * snapshot.warmth(known, now, policy.warm_up)
            * known.report.map_or(1.0, Report::kv_cache_room),
    }
}

/// The share of an endpoint's slots that is free.
#[allow(clippy::cast_precision_loss, reason = "counts in flight are far below 2^52")]
fn free(load: Load) -> Option<f64> {
    let slots = f64::from(load.slots?.max(1));
    Some((1.0 - load.total / slots).max(0.0))
}

/// The endpoint of a hash, and how many were looked at: the first on the ring that is neither overloaded nor cold.
#[allow(clippy::cast_precision_loss, reason = "counts in flight are far below 2^52")]
fn home(
    snapshot: &Snapshot,
    policy: &Policy,
    hash: u64,
    now: Timestamp,
    live: &mut impl FnMut(u32) -> Live,
) -> (Option<u32>, usize) {
    // One more than the mean, so that an idle pool has homes too.
    let bound = policy.bounded_load.max(1.0) * (snapshot.mean_in_flight() + 1.0);
    let mut steps = 0;
    for place in snapshot.ring().from(hash).take(MAX_CANDIDATES) {
        steps += 1;
        let (Some(known), live) = (snapshot.known(place), live(place)) else { continue };
        let load = load(snapshot, policy, place, known, live, now);
        let trusted = load.failure_permille == 0 && !live.isolated && snapshot.is_eligible(place);
        if trusted && (1.0 + load.total) <= bound * snapshot.warmth(known, now, policy.warm_up) {
            return (Some(place), steps);
        }
    }
    (None, steps)
}

fn sample_of(places: &[u32], wanted: usize, rng: &mut Rng) -> Few {
    let total = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let mut few = Few::EMPTY;
    for at in sample(total, wanted, rng).as_slice() {
        places.get(*at as usize).into_iter().for_each(|place| few.push(*place));
    }
    few
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
