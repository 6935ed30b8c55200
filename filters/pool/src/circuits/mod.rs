//! The circuits of a pool's endpoints, shared by all Envoy workers and by the filters that go by them.
//!
//! A circuit is a record in shared data, changed by compare-and-swap (`record.rs`); which of them are open is one more
//! record, because a limit holds for all of them together (`isolation.rs`). When a circuit opens, lets a probe go or
//! closes, a gauge of the pool rises. Every filter that goes by circuits looks at that gauge with each request, and at
//! the records only when it has moved: so a trip is known to everybody at once, and costs nothing while there is none.
//!
//! The filter that keeps circuits has a policy and leaves it in shared data; a filter that only sends probes finds it
//! there.

mod announce;
mod isolation;
pub(crate) mod policy;
mod probe;
pub(crate) mod reconcile;
pub(crate) mod record;
mod scope;

pub use probe::Probe;
pub use scope::Scope;

use std::time::Duration;

use spillway_breaker::{Admission, Change, Event, Fault, Policy, State, TripReason};
use spillway_primitives::Timestamp;

use crate::{Attempt, Outcome, PoolId, Pools, View};
pub(crate) use announce::Counters;
pub(crate) use scope::WHOLE;

/// Whether an attempt may be sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Its circuits are closed.
    Free,
    /// As a probe. Whoever holds it gives it to the attempt, or back.
    Probe(Probe),
    /// Not now.
    Refused {
        /// When there is a chance again.
        retry_at: Timestamp,
    },
}

impl Pools {
    /// Looks whether any circuit of a pool has changed, which costs one call while none has.
    pub fn follow_circuits(&mut self, pool: PoolId) {
        if let Some(view) = self.views.get_mut(pool.0).and_then(Option::as_mut) {
            view.follow_circuits(&*self.host);
        }
    }

    /// Whether an attempt may be sent to an endpoint; takes a probe's permit when the time has come.
    pub fn admit(&mut self, pool: PoolId, place: u32, scope: Scope, now: Timestamp) -> Go {
        let open = |view: &View| {
            let models = scope.models().filter(|model| view.circuit(place, *model) != State::Closed);
            models.collect::<Vec<_>>()
        };
        for model in self.view(pool).map(open).unwrap_or_default() {
            match self.ask(pool, (place, model), now) {
                Go::Free => {}
                // One probe is enough to ask of one request.
                other => return other,
            }
        }
        Go::Free
    }

    /// The probe that a text speaks of, if it is for that place and still out.
    #[must_use]
    pub fn presented(&self, pool: PoolId, place: u32, text: &[u8]) -> Option<Probe> {
        let probe = Probe::from_text(text, pool, place)?;
        self.view(pool)?.is_out(probe).then_some(probe)
    }

    /// A probe whose time has come, at any endpoint of the pool, for a request of that scope.
    pub fn due_probe(&mut self, pool: PoolId, scope: Scope, now: Timestamp) -> Option<Probe> {
        let (place, model) = self.view(pool)?.due(scope, now)?;
        match self.ask(pool, (place, model), now) {
            Go::Probe(probe) => Some(probe),
            _ => None,
        }
    }

    /// A probe was not sent, or nobody knows how it went. Nothing happens if it was resolved.
    pub fn give_back(&mut self, probe: Probe, now: Timestamp) {
        let Probe { pool, place, model, permit } = probe;
        let given =
            record::change(&*self.host, pool.0, (place, model), now, |circuit| circuit.give_back(permit));
        if given == Some(true) {
            self.bump(pool);
        }
    }

    /// Where every endpoint that serves is isolated: how long until the first of them may be tried again.
    #[must_use]
    pub fn all_isolated_for(&self, pool: PoolId, scope: Scope, now: Timestamp) -> Option<Duration> {
        let view = self.view(pool)?;
        let policy = view.policy()?;
        let mut first: Option<Timestamp> = None;
        for place in view.serving() {
            let retry_at = scope.models().filter_map(|model| view.retry_at(*place, model, &policy)).max()?;
            first = Some(first.map_or(retry_at, |first| first.min(retry_at)));
        }
        first.map(|first| first.since(now))
    }

    /// An attempt that is in flight has taken too long: its circuit hears of that now, and not once more at its end.
    pub fn too_late(&mut self, attempt: &mut Attempt, now: Timestamp) {
        if !std::mem::replace(&mut attempt.judged, true) {
            self.judge(attempt, Outcome::Failure(Fault::FirstTokenTooLate), true, now);
        }
    }

    /// What an outcome says about the circuits of its attempt. `was_failing`: something had failed there lately, so that
    /// a success is news.
    pub(crate) fn judge(&mut self, attempt: &Attempt, outcome: Outcome, was_failing: bool, now: Timestamp) {
        let Some(policy) = self.settings.circuits else { return };
        let Attempt { pool, place, began, scope, probe, .. } = *attempt;
        if let Some(probe) = probe {
            match outcome {
                Outcome::Success | Outcome::Busy { .. } => self.resolve(probe, true, None, &policy, now),
                Outcome::Failure(fault) => return self.resolve(probe, false, Some(fault), &policy, now),
                Outcome::Unknown | Outcome::Unanswered => return self.give_back(probe, now),
            }
        }
        match outcome {
            Outcome::Success if was_failing && probe.is_none() => {
                for model in scope.models() {
                    let key = (place, model);
                    record::change(&*self.host, pool.0, key, now, |circuit| circuit.succeeded(began, now));
                }
            }
            Outcome::Failure(fault) => {
                let whole = !matches!(fault, Fault::Status(_) | Fault::StreamCut);
                let key = (place, scope.judge(whole));
                let successes = self.view(pool).and_then(|view| view.gauges(place));
                let successes = successes.map_or(0, |gauges| gauges.successes.read(&*self.host));
                let event = Event { began, now, successes };
                let wants =
                    record::change(&*self.host, pool.0, key, now, |circuit| circuit.failed(event, &policy));
                if let Some(Some(reason)) = wants {
                    self.trip(pool, key, (reason, None), Some(fault), now);
                }
            }
            Outcome::Busy { reason, asked } => {
                self.trip(pool, (place, scope.judge(!reason.is_broken())), (reason, Some(asked)), None, now);
            }
            Outcome::Success | Outcome::Unknown | Outcome::Unanswered => {}
        }
    }

    /// Opens a circuit, if the limit allows.
    fn trip(
        &mut self,
        pool: PoolId,
        key: (u32, u32),
        (reason, asked): (TripReason, Option<Duration>),
        fault: Option<Fault>,
        now: Timestamp,
    ) {
        let Some(policy) = self.settings.circuits else { return };
        let members = self.view(pool).map_or(0, View::members);
        let is_watching = scope::is_watching(key.1);
        if !is_watching && !isolation::admit(&*self.host, pool.0, key, members, policy.max_isolated_percent) {
            return self.spared(pool, key.0, reason);
        }
        let Self { host, rng, .. } = self;
        let change = record::change(&**host, pool.0, key, now, |circuit| {
            circuit.trip(reason, asked, now, &policy, rng)
        });
        if let Some(Some(change)) = change {
            self.announce(pool, key, change, fault);
        }
    }

    /// Asks one circuit whether a request may be sent.
    fn ask(&mut self, pool: PoolId, key: (u32, u32), now: Timestamp) -> Go {
        let policy = self.settings.circuits.or_else(|| self.view(pool)?.policy());
        let Some(policy) = policy else { return Go::Free };
        let Self { host, rng, .. } = self;
        let asked = record::change(&**host, pool.0, key, now, |circuit| circuit.admit(now, &policy, rng));
        let Some((admission, change)) = asked else { return Go::Free };
        if let Some(change) = change {
            self.announce(pool, key, change, None);
        }
        match admission {
            Admission::Free => Go::Free,
            Admission::Refused { retry_at } => Go::Refused { retry_at },
            Admission::Probe(permit) => {
                self.half_opened(pool, key);
                let (place, model) = key;
                Go::Probe(Probe { pool, place, model, permit })
            }
        }
    }

    fn resolve(
        &mut self,
        probe: Probe,
        succeeded: bool,
        fault: Option<Fault>,
        policy: &Policy,
        now: Timestamp,
    ) {
        let Probe { pool, place, model, permit } = probe;
        let Self { host, rng, .. } = self;
        let change = record::change(&**host, pool.0, (place, model), now, |circuit| {
            circuit.resolve(permit, succeeded, now, policy, rng)
        });
        match change.flatten() {
            Some(change) => self.announce(pool, (place, model), change, fault),
            None => self.bump(pool),
        }
    }

    fn release(&mut self, pool: PoolId, key: (u32, u32), change: Change) {
        if matches!(change, Change::Reset(_)) {
            isolation::release(&*self.host, pool.0, key);
        }
    }
}

#[cfg(test)]
mod tests;
