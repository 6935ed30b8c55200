//! The limit of a pool whose answers do not come as streams.
//!
//! There is no first token, and how long a whole answer takes differs too much from answer to answer to show a queue. But
//! a limit below the slots shows in how much is done: with more in flight more is done, until the slots are full. So the
//! limit climbs as long as that is so, and now and then tries whether as much is done with less. A step counts once
//! everything that was in flight before it has left, and is measured over twice as many answers as are in flight: what
//! ends first are the shortest answers, which say nothing.

use serde::{Deserialize, Serialize};

/// A step is by this factor, once the first one has not been worth it.
const STEP: f64 = 1.25;
/// Until then.
const FIRST_STEP: f64 = 1.6;
/// What a step up must bring, and a step down must cost, as a share of the step.
const WORTH: f64 = 0.5;
/// A measurement is over at least so many answers.
const ENOUGH: f64 = 40.0;

/// Where the climb stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Climb {
    /// Answers since the limit changed.
    ended: f32,
    /// Of these, those that are measured, and the time in which they ended.
    measured: f32,
    measured_us: f32,
    /// The limit before the step under way, and what was done with it, in answers a microsecond.
    before: Option<(f32, f32)>,
    /// The next step is down.
    down: bool,
    /// Steps are small.
    fine: bool,
}

impl Climb {
    /// So many answers have ended in so much time, while the pool was saturated. Gives another limit when it is time for one.
    pub(super) fn step(&mut self, limit: f64, ended: u32, length_us: f64) -> Option<f64> {
        let ended = f64::from(ended);
        if f64::from(self.ended) >= limit {
            self.measured += ended as f32;
            self.measured_us += length_us as f32;
        }
        self.ended += ended as f32;
        if f64::from(self.measured) < (2.0 * limit).max(ENOUGH) {
            return None;
        }
        let rate = f64::from(self.measured) / f64::from(self.measured_us).max(1.0);
        let before = self.before.map(|(limit, rate)| (f64::from(limit), f64::from(rate)));
        let (down, fine) = (self.down, self.fine);
        *self = Self { before: Some((limit as f32, rate as f32)), down, fine, ..Self::default() };
        let factor = if fine { STEP } else { FIRST_STEP };
        let next = if down { limit / factor } else { limit * factor };
        let Some((old_limit, old_rate)) = before else { return Some(next) };
        let change = (rate / old_rate.max(f64::MIN_POSITIVE) - 1.0) / (limit / old_limit.max(1.0) - 1.0);
        let goes_on = if down { change < WORTH } else { change >= WORTH };
        if goes_on {
            return Some(next);
        }
        *self = Self { down: !down, fine: true, ..Self::default() };
        Some(old_limit)
    }

    /// The pool was not saturated: what was measured says nothing.
    pub(super) fn pause(&mut self) {
        (self.measured, self.measured_us) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn it_climbs_to_the_slots_and_stays_near_them() {
        let (mut climb, mut limit) = (Climb::default(), 12.0);
        let mut reached = Vec::new();
        for second in 0..2_000 {
            // A hundred slots, answers of two seconds.
            let ended = (f64::min(limit, 100.0) / 2.0).round() as u32;
            limit = climb.step(limit, ended, 1e6).unwrap_or(limit);
            if second > 120 {
                reached.push(limit);
            }
        }
        let mean = reached.iter().sum::<f64>() / reached.len() as f64;
        assert!((85.0..=125.0).contains(&mean), "{mean}");
        assert!(reached.iter().all(|limit| (60.0..=165.0).contains(limit)));
    }
}
