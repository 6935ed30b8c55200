//! How much a pool gets through and how much it is offered, as moving means.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::level::{Level, MAX_LEVELS};
use crate::limit::Window;

/// Requests a second that leave: the span over which they are averaged.
const DRAIN: Duration = Duration::from_secs(5);
/// What is offered: over a span longer than a burst lasts.
const OFFERED: Duration = Duration::from_secs(60);
/// Answers a second and permit.
const PER_PERMIT: Duration = Duration::from_secs(10);
/// The limit: short, since one that was found too high is not what the pool can do.
const LIMIT: Duration = Duration::from_secs(1);
/// What each level wants of it: short, since what is kept free follows from it.
const DEMAND: Duration = Duration::from_secs(5);
/// What of the pool is this Envoy's: short, or one that gets more load would long be held to what it had.
const SHARE: Duration = Duration::from_secs(1);
/// With so much of it an Envoy is taken to be alone: what it and the workers count at slightly different moments looks like
/// a few requests of others.
const ALONE: f64 = 0.9;
/// Times to the first token: of a slow pool only a few begin in a second.
const FIRST_TOKEN: Duration = Duration::from_secs(5);

/// Rates of a pool, each in requests a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    drain: Mean,
    offered: Mean,
    per_permit: Mean,
    limit: Mean,
    first_token_us: Mean,
    upstream_us: Mean,
    demand: [Mean; MAX_LEVELS],
    share: Mean,
}

impl Rates {
    /// What leaves the upstream; `None` before anything did.
    #[must_use]
    pub fn drain(&self) -> Option<f64> {
        self.drain.value()
    }

    /// What came while nobody was refused: the load that is there when a burst is over. `None` when that was never so.
    #[must_use]
    pub fn offered(&self) -> Option<f64> {
        self.offered.value()
    }

    /// What the pool gets through when its limit is used, by Little's law: the limit ÷ how long a request is in flight.
    /// It is what the queue is worked off with; `None` before anything has left.
    #[must_use]
    pub fn capacity(&self) -> Option<f64> {
        self.per_permit.value().zip(self.limit.value()).map(|(per_permit, limit)| per_permit * limit)
    }

    /// Requests of this level that come, whatever becomes of them; 0 before any did.
    #[must_use]
    pub fn demand(&self, level: Level) -> f64 {
        self.demand.get(level.index()).and_then(Mean::value).unwrap_or(0.0)
    }

    /// The mean time to the first token of a stream as clients see it; `None` before any.
    #[must_use]
    pub fn first_token(&self) -> Option<Duration> {
        duration(self.first_token_us)
    }

    /// The part of it that the upstream takes; `None` before any.
    #[must_use]
    pub fn upstream(&self) -> Option<Duration> {
        duration(self.upstream_us)
    }

    /// The share of the requests at the inference workers that this Envoy sent, 0 to 1; 1 where it is nearly all of them, or
    /// the workers do not say how many they have.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share.value().filter(|share| *share < ALONE).unwrap_or(1.0)
    }

    /// A window of this length is over, in which the workers had so many requests, `own` of them from here; `None` where they
    /// do not say.
    pub(crate) fn update_share(&mut self, own: u32, all: Option<u32>, length: Duration) {
        match all {
            None => self.share = Mean::default(),
            // One that has sent nothing has no share that it could be held to.
            Some(_) if own == 0 => {}
            Some(all) => {
                let share = (f64::from(own) / f64::from(all.max(own))).min(1.0);
                self.share.add(share, length.as_secs_f64(), SHARE);
            }
        }
    }

    /// A window of this length is over, in which so many were allowed to be in flight.
    pub(crate) fn update(&mut self, window: &Window, length: Duration, limit: u32) {
        let seconds = length.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        if self.drain.is_known() || window.ended > 0 {
            self.drain.add(f64::from(window.ended) / seconds, seconds, DRAIN);
        }
        if window.refused == 0 {
            self.offered.add(f64::from(window.arrivals()) / seconds, seconds, OFFERED);
        }
        for (demand, arrived) in self.demand.iter_mut().zip(window.arrived) {
            demand.add(f64::from(arrived) / seconds, seconds, DEMAND);
        }
        if let Some(micros) = window.mean_ttft_us() {
            self.first_token_us.add(micros, seconds, FIRST_TOKEN);
        }
        if let Some(micros) = window.mean_upstream_us() {
            self.upstream_us.add(micros, seconds, FIRST_TOKEN);
        }
        let in_flight = window.in_flight_us as f64 / 1e6;
        if window.ended > 0 && in_flight > 0.0 {
            self.per_permit.add(f64::from(window.ended) / in_flight, seconds, PER_PERMIT);
        }
        self.limit.add(f64::from(limit), seconds, LIMIT);
    }
}

fn duration(micros: Mean) -> Option<Duration> {
    micros.value().and_then(|micros| Duration::try_from_secs_f64(micros / 1e6).ok())
}

/// A mean over about some span; over all there was until the span is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Mean {
    value: f32,
    seconds: f32,
}

impl Mean {
    fn is_known(&self) -> bool {
        self.seconds > 0.0
    }

    fn value(&self) -> Option<f64> {
        self.is_known().then_some(f64::from(self.value))
    }

    fn add(&mut self, value: f64, seconds: f64, span: Duration) {
        let filled = (f64::from(self.seconds) + seconds).min(span.as_secs_f64().max(seconds));
        self.value += ((value - f64::from(self.value)) * (seconds / filled)) as f32;
        self.seconds = filled as f32;
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_mean_is_of_all_there_was_and_then_of_the_last_span() {
        let mut mean = Mean::default();
        assert_eq!(mean.value(), None);
        for (value, expected) in [(10.0, 10.0), (20.0, 15.0), (30.0, 20.0), (40.0, 30.0)] {
            mean.add(value, 1.0, Duration::from_secs(2));
            if value < 30.0 {
                assert_eq!(mean.value(), Some(expected));
            }
        }
        assert_eq!(mean.value(), Some(31.25));
    }

    #[test]
    fn what_of_the_pool_is_ours() {
        let mut rates = Rates::default();
        assert_eq!(rates.share(), 1.0, "nobody said anything");
        let second = Duration::from_secs(1);
        for (own, all, expected) in [
            (10, Some(40), 0.25),
            (0, Some(40), 0.25),
            (10, Some(8), 1.0),
            (19, Some(20), 1.0),
            (10, None, 1.0),
        ] {
            rates.update_share(own, all, second);
            assert_eq!(rates.share(), expected, "{own} of {all:?}");
        }
    }

    #[test]
    fn rates_of_a_pool() {
        let mut rates = Rates::default();
        let window = Window {
            arrived: [5, 15, 0, 0, 0, 0, 0, 0],
            ended: 10,
            in_flight_us: 5_000_000,
            ..Window::default()
        };
        rates.update(&window, Duration::from_secs(1), 8);
        assert_eq!((rates.drain(), rates.offered(), rates.capacity()), (Some(10.0), Some(20.0), Some(16.0)));
        assert_eq!([0, 1, 2, 9].map(|level| rates.demand(Level(level))), [5.0, 15.0, 0.0, 0.0]);
        let refusing = Window { arrived: [500, 0, 0, 0, 0, 0, 0, 0], refused: 1, ..Window::default() };
        rates.update(&refusing, Duration::from_secs(1), 8);
        assert_eq!((rates.drain(), rates.offered()), (Some(5.0), Some(20.0)));
        rates.update(&window, Duration::ZERO, 8);
        assert_eq!(rates.drain(), Some(5.0), "a window of no length says nothing");
    }
}
