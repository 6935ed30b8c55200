//! Whether the cache tier works, as one VM has seen it: a circuit, so that a dead one is left alone.

use std::cell::RefCell;
use std::time::Duration;

use spillway_breaker::{Admission, Circuit, Event, Permit, Policy, State, TripReason};
use spillway_primitives::{Backoff, Rng, Timestamp};

/// Whether it works.
pub(super) struct Health(RefCell<Seen>);

struct Seen {
    circuit: Circuit,
    policy: Policy,
    rng: Rng,
}

impl Health {
    /// Nothing is known: it is asked.
    pub(super) fn new(rng: Rng) -> Self {
        let open = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), 200);
        let policy = Policy { ratio: None, open, probe_lasts: Duration::from_secs(5), ..Policy::default() };
        Self(RefCell::new(Seen { circuit: Circuit::default(), policy, rng }))
    }

    /// Whether it is asked as one of many.
    pub(super) fn is_good(&self) -> bool {
        self.0.try_borrow().is_ok_and(|seen| seen.circuit.state() == State::Closed)
    }

    /// `None` where it is left alone; else the permit, if the question is a probe.
    pub(super) fn admit(&self, now: Timestamp) -> Option<Option<Permit>> {
        let mut seen = self.0.try_borrow_mut().ok()?;
        let Seen { circuit, policy, rng } = &mut *seen;
        match circuit.admit(now, policy, rng).0 {
            Admission::Free => Some(None),
            Admission::Probe(permit) => Some(Some(permit)),
            Admission::Refused { .. } => None,
        }
    }

    /// What an answer, or its lack, says. What the circuit is from now on, if that has changed.
    pub(super) fn note(
        &self,
        probe: Option<Permit>,
        began: Timestamp,
        works: bool,
        now: Timestamp,
    ) -> Option<State> {
        let mut seen = self.0.try_borrow_mut().ok()?;
        let Seen { circuit, policy, rng } = &mut *seen;
        let change = match (probe, works) {
            (Some(permit), works) => circuit.resolve(permit, works, now, policy, rng),
            (None, true) => {
                circuit.succeeded(began, now);
                None
            }
            (None, false) => {
                let reason: Option<TripReason> = circuit.failed(Event { began, now, successes: 0 }, policy);
                reason.and_then(|reason| circuit.trip(reason, None, now, policy, rng))
            }
        };
        change.map(|_| circuit.state())
    }
}
