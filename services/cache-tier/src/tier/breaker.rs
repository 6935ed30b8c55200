//! A circuit: what fails is left alone for a while.

use crate::clock;
use spillway_breaker::{Admission, Change, Circuit, Event, Permit, Policy, State};
use spillway_primitives::{Rng, Timestamp, rng_from};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A circuit, as all requests share it.
#[derive(Debug)]
pub(super) struct Breaker {
    name: &'static str,
    policy: Policy,
    state: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    circuit: Circuit,
    successes: u64,
    rng: Rng,
}

/// Leave to use the layer once. Whoever says nothing about how it went gives it back.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    began: Timestamp,
    permit: Option<Permit>,
    is_open: bool,
}

impl Breaker {
    /// A closed circuit.
    pub(super) fn new(name: &'static str, policy: Policy) -> Arc<Self> {
        let rng = rng_from(&[clock::now().as_nanos(), u64::from(std::process::id())]);
        let state = Mutex::new(Books { circuit: Circuit::default(), successes: 0, rng });
        Arc::new(Self { name, policy, state })
    }

    /// What the circuit is.
    pub(super) fn state(&self) -> State {
        self.books().circuit.state()
    }

    /// Whether the layer is to be left alone now. Unlike [`Self::admit`] it asks for nothing.
    pub(super) fn refuses(&self) -> bool {
        let books = self.books();
        let retry_at = books.circuit.retry_at(&self.policy);
        books.circuit.state() == State::Open && retry_at.is_some_and(|at| clock::now() < at)
    }

    /// `None` while the layer is to be left alone.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Pass> {
        let now = clock::now();
        let mut books = self.books();
        let Books { circuit, rng, .. } = &mut *books;
        let (admission, change) = circuit.admit(now, &self.policy, rng);
        self.tell(change);
        let permit = match admission {
            Admission::Free => None,
            Admission::Probe(permit) => Some(permit),
            Admission::Refused { .. } => return None,
        };
        drop(books);
        Some(Pass { breaker: Arc::clone(self), began: now, permit, is_open: true })
    }

    fn ended(&self, began: Timestamp, permit: Option<Permit>, succeeded: bool) {
        let now = clock::now();
        let mut books = self.books();
        let Books { circuit, successes, rng } = &mut *books;
        let change = match permit {
            Some(permit) => circuit.resolve(permit, succeeded, now, &self.policy, rng),
            None if succeeded => {
                *successes += 1;
                circuit.succeeded(began, now);
                None
            }
            None => circuit
                .failed(Event { began, now, successes: *successes }, &self.policy)
                .and_then(|reason| circuit.trip(reason, None, now, &self.policy, rng)),
        };
        self.tell(change);
    }

    fn tell(&self, change: Option<Change>) {
        match change {
            Some(Change::Tripped { reason, lasts }) => tracing::warn!(
                tier = self.name,
                reason = reason.as_str(),
                lasts_ms = lasts.as_millis(),
                "the circuit opens"
            ),
            Some(Change::Reset(reason)) => {
                tracing::info!(tier = self.name, reason = reason.as_str(), "the circuit closes");
            }
            None => {}
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing panics while the books are held, so a poisoned lock cannot hold half a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Whether it finds out how the layer is.
    pub(super) fn is_probe(&self) -> bool {
        self.permit.is_some()
    }

    /// Says how it went.
    pub(super) fn ended(mut self, succeeded: bool) {
        self.is_open = false;
        self.breaker.ended(self.began, self.permit, succeeded);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let (true, Some(permit)) = (self.is_open, self.permit) {
            self.breaker.books().circuit.give_back(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_primitives::Backoff;
    use std::time::Duration;

    fn breaker(open: Duration) -> Arc<Breaker> {
        Breaker::new("test", Policy { ratio: None, open: Backoff::new(open, open, 0), ..Policy::default() })
    }

    fn fail(breaker: &Arc<Breaker>, times: usize) {
        for _ in 0..times {
            breaker.admit().unwrap().ended(false);
        }
    }

    #[test]
    fn three_failures_open_it() {
        let breaker = breaker(Duration::from_secs(60));
        fail(&breaker, 2);
        breaker.admit().unwrap().ended(true);
        fail(&breaker, 2);
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.admit().is_none());
    }

    #[test]
    fn one_probe_closes_it_and_one_that_is_dropped_is_given_back() {
        let breaker = breaker(Duration::ZERO);
        fail(&breaker, 3);
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_none(), "one at a time");
        drop(probe);
        breaker.admit().unwrap().ended(true);
        assert_eq!(breaker.state(), State::Closed);
    }
}
