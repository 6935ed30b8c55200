//! The attempts that a VM has in flight, and which of them have taken too long.
//!
//! A stream has no timer of its own, so the VM looks through all of them with each tick: an endpoint that accepts and
//! never answers is known a tick after its limit, while its attempts are still waiting.

use slab::Slab;
use spillway_pool::{Attempt, Pools};
use spillway_primitives::Timestamp;

/// The attempts in flight.
#[derive(Debug, Default)]
pub(crate) struct Open {
    attempts: Slab<Waiting>,
}

/// One of them.
#[derive(Debug)]
struct Waiting {
    attempt: Attempt,
    /// When its first token is too late; `None` once that has come, or where there is no limit.
    limit: Option<Timestamp>,
}

impl Open {
    /// One more; its number.
    pub(crate) fn insert(&mut self, attempt: Attempt, limit: Option<Timestamp>) -> usize {
        self.attempts.insert(Waiting { attempt, limit })
    }

    /// The attempt of a number.
    pub(crate) fn get(&self, number: usize) -> Option<&Attempt> {
        self.attempts.get(number).map(|waiting| &waiting.attempt)
    }

    /// Its first token has come.
    pub(crate) fn in_time(&mut self, number: usize) {
        if let Some(waiting) = self.attempts.get_mut(number) {
            waiting.limit = None;
        }
    }

    /// It is over.
    pub(crate) fn take(&mut self, number: usize) -> Option<Attempt> {
        self.attempts.try_remove(number).map(|waiting| waiting.attempt)
    }

    /// Tells the circuits of attempts that are too late; how many there are.
    pub(crate) fn look(&mut self, pools: &mut Pools, now: Timestamp) -> u32 {
        let mut late = 0;
        for (_, waiting) in &mut self.attempts {
            if waiting.limit.take_if(|limit| *limit <= now).is_some() {
                pools.too_late(&mut waiting.attempt, now);
                late += 1;
            }
        }
        late
    }
}
