//! The one of two random endpoints with the smaller cost: Finagle's peak EWMA, as Linkerd and tower have it
//! (`tower::load::PeakEwma`).
//!
//! ```text
//! cost     = estimate · (in flight + 1)
//! estimate = sample                         when the sample is greater: a peak counts at once
//!          = estimate · w + sample · (1−w)  otherwise, with w = exp(−time since the last sample / decay)
//! ```
//!
//! Before the cost is taken, a sample of zero lets the estimate decay. The sample is the time to first token, and a
//! failed attempt's time as it was: failure accrual is another part of those proxies, and not modelled.

use std::time::Duration;

use spillway_primitives::{Rng, Timestamp};

use super::{Balancer, End, Request, distinct};
use crate::books::Books;

/// What Linkerd sets: of an endpoint that was not measured, and for the decay.
const UNMEASURED_S: f64 = 0.03;
const DECAY_S: f64 = 10.0;

pub(super) struct PeakEwma {
    estimates: Vec<Estimate>,
}

#[derive(Clone, Copy)]
struct Estimate {
    seconds: f64,
    at: Timestamp,
}

impl PeakEwma {
    pub(super) fn new(endpoints: u32) -> Self {
        Self { estimates: vec![Estimate { seconds: UNMEASURED_S, at: Timestamp::ZERO }; endpoints as usize] }
    }

    fn sample(&mut self, place: u32, took: Duration, now: Timestamp) {
        self.estimates[place as usize].add(took.as_secs_f64(), now);
    }
}

impl Estimate {
    fn add(&mut self, sample: f64, now: Timestamp) {
        // Not measured yet: nothing decays.
        let elapsed = if self.at == Timestamp::ZERO { 0.0 } else { now.since(self.at).as_secs_f64() };
        let kept = (-elapsed / DECAY_S).exp();
        self.seconds =
            if sample > self.seconds { sample } else { self.seconds * kept + sample * (1.0 - kept) };
        self.at = now;
    }
}

impl Balancer for PeakEwma {
    fn choose(&mut self, request: &Request, books: &Books, rng: &mut Rng) -> Vec<u32> {
        let endpoints = self.estimates.len() as u32;
        distinct(endpoints, || {
            let mut cost = |place: u32| {
                let estimate = &mut self.estimates[place as usize];
                estimate.add(0.0, request.now);
                estimate.seconds * f64::from(books.page(place).in_flight + 1)
            };
            let (first, second) = (rng.u32(0..endpoints), rng.u32(0..endpoints));
            if cost(second) < cost(first) { second } else { first }
        })
    }

    fn first_token(&mut self, place: u32, took: Duration, now: Timestamp) {
        self.sample(place, took, now);
    }

    fn ended(&mut self, end: &End, _books: &Books, _rng: &mut Rng) {
        if !end.success {
            self.sample(end.place, end.now.since(end.began), end.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let at = Timestamp::from_millis;
        let mut estimate = Estimate { seconds: UNMEASURED_S, at: Timestamp::ZERO };
        estimate.add(2.0, at(1_000));
        assert!((estimate.seconds - 2.0).abs() < 1e-9);
        estimate.add(1.0, at(11_000));
        let expected = 2.0 / std::f64::consts::E + (1.0 - 1.0 / std::f64::consts::E);
        assert!((estimate.seconds - expected).abs() < 1e-9, "{}", estimate.seconds);
    }
}
