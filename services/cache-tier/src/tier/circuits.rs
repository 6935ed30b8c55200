//! The circuits of a layer: one for each part of it that can fail alone, and one for the whole.
//!
//! A Redis Cluster that loses a master fails the lookups of that master's keys, and those of others are to go on. So
//! each master has a circuit. A cluster that is dead as a whole would then cost as many deadlines as it has masters, over
//! and over; so the whole has one as well. For it a failure counts only if the one before was another part's: three in a
//! row are then more than the loss of one.

use super::breaker::{Breaker, Pass};
use spillway_breaker::{Policy, State};
use std::sync::{Arc, Mutex, PoisonError};

/// The circuits of a layer.
#[derive(Debug)]
pub(super) struct Circuits {
    /// `None`: the layer has one part only.
    whole: Option<Whole>,
    parts: Vec<Arc<Breaker>>,
}

#[derive(Debug)]
struct Whole {
    breaker: Arc<Breaker>,
    /// The part that failed last, if nothing succeeded since.
    failed: Arc<Mutex<Option<usize>>>,
}

/// Leave to use a part of the layer once. Whoever says nothing about how it went gives it back.
#[derive(Debug)]
pub(super) struct Passes {
    number: usize,
    part: Pass,
    whole: Option<(Pass, Arc<Mutex<Option<usize>>>)>,
}

impl Circuits {
    pub(super) fn new(name: &'static str, policy: Policy, parts: usize) -> Self {
        let parts: Vec<_> = (0..parts.max(1)).map(|_| Breaker::new(name, policy)).collect();
        let whole =
            (parts.len() > 1).then(|| Whole { breaker: Breaker::new(name, policy), failed: Arc::default() });
        Self { whole, parts }
    }

    /// The state of the whole.
    pub(super) fn state(&self) -> State {
        let whole = self.whole.as_ref().map(|whole| &whole.breaker).or_else(|| self.parts.first());
        whole.map_or(State::Closed, |breaker| breaker.state())
    }

    /// How many parts are not closed.
    pub(super) fn isolated(&self) -> usize {
        self.parts.iter().filter(|part| part.state() != State::Closed).count()
    }

    /// Whether that part is to be left alone now.
    pub(super) fn refuses(&self, part: usize) -> bool {
        self.whole.as_ref().is_some_and(|whole| whole.breaker.refuses())
            || self.part(part).is_some_and(|part| part.refuses())
    }

    /// `None` while that part is to be left alone.
    pub(super) fn admit(&self, number: usize) -> Option<Passes> {
        let whole = match &self.whole {
            None => None,
            Some(whole) => Some((whole.breaker.admit()?, Arc::clone(&whole.failed))),
        };
        let part = self.part(number)?.admit()?;
        Some(Passes { number, part, whole })
    }

    fn part(&self, number: usize) -> Option<&Arc<Breaker>> {
        self.parts.get(number.checked_rem(self.parts.len())?)
    }
}

impl Passes {
    /// Says how it went.
    pub(super) fn ended(self, succeeded: bool) {
        self.part.ended(succeeded);
        let Some((pass, failed)) = self.whole else { return };
        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *failed, (!succeeded).then_some(self.number));
        drop(failed);
        // A probe has to be answered for in any case.
        if succeeded || pass.is_probe() || before != Some(self.number) {
            pass.ended(succeeded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_primitives::Backoff;
    use std::time::Duration;

    fn circuits(parts: usize) -> Circuits {
        let open = Duration::from_secs(60);
        let policy = Policy { ratio: None, open: Backoff::new(open, open, 0), ..Policy::default() };
        Circuits::new("test", policy, parts)
    }

    /// Uses parts that fail or not, in that order. How many were let through.
    fn used(circuits: &Circuits, uses: impl IntoIterator<Item = (usize, bool)>) -> usize {
        let passes = uses
            .into_iter()
            .filter_map(|(part, succeeds)| circuits.admit(part).map(|passes| passes.ended(succeeds)));
        passes.count()
    }

    #[test]
    fn a_part_that_is_lost_is_left_alone_and_the_others_are_not() {
        let circuits = circuits(3);
        // Runs of failures of one part, as chance will have it.
        let uses =
            [(0, false), (0, false), (1, true), (0, false), (0, false), (2, true), (0, false), (1, true)];
        assert_eq!(used(&circuits, uses), 6);
        assert_eq!((circuits.state(), circuits.isolated()), (State::Closed, 1));
        assert!(circuits.refuses(0) && !circuits.refuses(1));
    }

    #[test]
    fn one_that_is_dead_as_a_whole_is_left_alone_soon() {
        let circuits = circuits(3);
        let uses = [0, 0, 1, 2, 1, 2, 0, 1, 2].map(|part| (part, false));
        assert_eq!(used(&circuits, uses), 4);
        assert_eq!(circuits.state(), State::Open);
        assert!((0..3).all(|part| circuits.refuses(part)));
    }

    #[test]
    fn one_of_one_part_has_one_circuit() {
        let circuits = circuits(1);
        assert_eq!(used(&circuits, [0, 0, 0, 0, 0].map(|part| (part, false))), 3);
        assert_eq!((circuits.state(), circuits.isolated()), (State::Open, 1));
    }
}
