//! Requests in flight, and their time integral.
//!
//! The integral divided by a span of time is the mean number of requests in flight in that span, exactly, however
//! rarely it is read: a gauge that is read once a second misses what happens in between.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A count that remembers how long it was how high.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u32,
    /// The integral up to `since`, in request-seconds.
    integral: Duration,
    since: Option<Instant>,
}

impl State {
    fn advance(&mut self, now: Instant) {
        if let Some(since) = self.since {
            self.integral += now.saturating_duration_since(since) * self.count;
        }
        self.since = Some(self.since.map_or(now, |since| since.max(now)));
    }
}

impl InFlight {
    /// One more.
    pub fn enter(&self, now: Instant) {
        let mut state = self.state();
        state.advance(now);
        state.count += 1;
    }

    /// One less.
    pub fn leave(&self, now: Instant) {
        let mut state = self.state();
        state.advance(now);
        state.count = state.count.saturating_sub(1);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.state().count
    }

    /// How many there are, and the integral up to `now` in request-seconds, of one moment.
    pub fn read(&self, now: Instant) -> (u32, f64) {
        let mut state = self.state();
        state.advance(now);
        (state.count, state.integral.as_secs_f64())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the state is held, so a poisoned lock cannot hold half a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_is_exact_at_any_moment() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let in_flight = InFlight::default();
        assert_eq!(in_flight.read(at(0)), (0, 0.0));
        in_flight.enter(at(1_000));
        in_flight.enter(at(2_000));
        assert_eq!(in_flight.read(at(2_500)), (2, 2.0));
        assert_eq!(in_flight.read(at(3_000)), (2, 3.0));
        in_flight.leave(at(4_000));
        in_flight.leave(at(4_000));
        assert_eq!(in_flight.read(at(9_000)), (0, 5.0));
    }

    #[test]
    fn a_backward_clock_adds_nothing() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let in_flight = InFlight::default();
        in_flight.enter(at(2_000));
        assert_eq!(in_flight.read(at(1_000)), (1, 0.0));
        assert_eq!(in_flight.read(at(3_000)), (1, 1.0), "from 2 s on, not from 1 s on");
    }
}
