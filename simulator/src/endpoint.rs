//! An endpoint: slots, a queue before them, and how it is today.
//!
//! It takes as long for a request whatever else it runs: that batching slows an engine down is not modelled. Time and
//! drawing are the world's; here is only who runs and who waits.

use std::collections::VecDeque;

use spillway_primitives::Timestamp;

use crate::measure::Integral;

/// How an endpoint is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It serves.
    #[default]
    Well,
    /// It is gone: what ran there breaks off, connections are refused.
    Refuses,
    /// It answers 503 at once; what runs there goes on.
    Unavailable,
    /// It takes requests and does not begin them; what runs there goes on.
    Stalls,
}

/// What becomes of a request that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It runs.
    Starts,
    /// It waits for a slot.
    Waits,
    /// The endpoint failed: no connection, or 503.
    Fails,
    /// 429: the queue is full.
    Full,
}

/// An endpoint.
#[derive(Debug)]
pub struct Endpoint {
    slots: u32,
    queue: u32,
    condition: Condition,
    running: Vec<usize>,
    waiting: VecDeque<usize>,
    /// Requests in flight over time.
    pub(crate) load: Integral,
    /// Prefixes that it remembers, the most recent first.
    prefixes: VecDeque<u64>,
}

impl Endpoint {
    /// One that serves.
    #[must_use]
    pub fn new(slots: u32, queue: u32, now: Timestamp) -> Self {
        Self {
            slots,
            queue,
            condition: Condition::Well,
            running: Vec::new(),
            waiting: VecDeque::new(),
            load: Integral::new(now),
            prefixes: VecDeque::new(),
        }
    }

    /// How it is.
    #[must_use]
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// Requests that run or wait here.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        (self.running.len() + self.waiting.len()) as u32
    }

    /// A request comes.
    pub fn admit(&mut self, request: usize, now: Timestamp) -> Admission {
        let admission = match self.condition {
            Condition::Refuses | Condition::Unavailable => Admission::Fails,
            Condition::Stalls => Admission::Waits,
            Condition::Well if self.running.len() < self.slots as usize => Admission::Starts,
            Condition::Well if self.waiting.len() < self.queue as usize => Admission::Waits,
            Condition::Well => Admission::Full,
        };
        match admission {
            Admission::Starts => self.running.push(request),
            Admission::Waits => self.waiting.push_back(request),
            Admission::Fails | Admission::Full => {}
        }
        self.load.set(self.in_flight(), now);
        admission
    }

    /// A request goes; returns the one that starts in its stead.
    pub fn leave(&mut self, request: usize, now: Timestamp) -> Option<usize> {
        let next = if let Some(at) = self.running.iter().position(|running| *running == request) {
            self.running.swap_remove(at);
            self.start_next()
        } else {
            self.waiting.retain(|waiting| *waiting != request);
            None
        };
        self.load.set(self.in_flight(), now);
        next
    }

    /// It changes; returns the requests that break off, and those that start.
    pub fn become_(&mut self, condition: Condition, now: Timestamp) -> (Vec<usize>, Vec<usize>) {
        self.condition = condition;
        let mut broken = Vec::new();
        if condition == Condition::Refuses {
            broken.append(&mut self.running);
            broken.extend(self.waiting.drain(..));
            // Whoever comes back from that has an empty cache.
            self.prefixes.clear();
        }
        let started = std::iter::from_fn(|| self.start_next()).collect();
        self.load.set(self.in_flight(), now);
        (broken, started)
    }

    /// Whether it remembers a prefix; from now on it does.
    pub fn remember(&mut self, prefix: u64, remembered: usize) -> bool {
        let at = self.prefixes.iter().position(|known| *known == prefix);
        if let Some(at) = at {
            self.prefixes.remove(at);
        }
        self.prefixes.push_front(prefix);
        self.prefixes.truncate(remembered);
        at.is_some()
    }

    fn start_next(&mut self) -> Option<usize> {
        let may = self.condition != Condition::Stalls && self.running.len() < self.slots as usize;
        let next = may.then(|| self.waiting.pop_front()).flatten()?;
        self.running.push(next);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1);

    fn full() -> Endpoint {
        let mut endpoint = Endpoint::new(1, 2, NOW);
        let admissions: Vec<_> = (0..4).map(|request| endpoint.admit(request, NOW)).collect();
        assert_eq!(admissions, [Admission::Starts, Admission::Waits, Admission::Waits, Admission::Full]);
        endpoint
    }

    #[test]
    fn the_first_in_the_queue_gets_the_free_slot() {
        let mut endpoint = full();
        assert_eq!(endpoint.leave(1, NOW), None, "it only waited");
        assert_eq!(endpoint.leave(0, NOW), Some(2));
        assert_eq!(endpoint.leave(2, NOW), None);
        assert_eq!(endpoint.in_flight(), 0);
    }

    #[test]
    fn one_that_dies_takes_everything_along() {
        let mut endpoint = full();
        assert_eq!(endpoint.become_(Condition::Refuses, NOW), (vec![0, 1, 2], vec![]));
        assert_eq!(endpoint.admit(7, NOW), Admission::Fails);
        assert_eq!(endpoint.become_(Condition::Well, NOW), (vec![], vec![]));
        assert_eq!(endpoint.admit(8, NOW), Admission::Starts);
    }

    #[test]
    fn one_that_stalls_begins_nothing_until_it_is_well() {
        let mut endpoint = full();
        endpoint.become_(Condition::Stalls, NOW);
        assert_eq!(endpoint.leave(0, NOW), None);
        assert_eq!(endpoint.admit(9, NOW), Admission::Waits);
        assert_eq!(endpoint.become_(Condition::Well, NOW), (vec![], vec![1]));
    }

    #[test]
    fn the_prefix_that_was_used_least_recently_is_forgotten() {
        let mut endpoint = Endpoint::new(1, 0, NOW);
        let hits: Vec<_> = [1, 2, 1, 3, 2].map(|prefix| endpoint.remember(prefix, 2)).into();
        assert_eq!(hits, [false, false, true, false, false]);
    }
}
