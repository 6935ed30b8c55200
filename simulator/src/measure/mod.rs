//! What is measured while a world runs.

mod integral;
mod outcome;

pub use integral::{Integral, Mark};
pub use outcome::{Evenness, Outcome, Second};

use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::endpoint::{Condition, Endpoint};
use crate::setting::Setting;

/// Notes of a run.
#[derive(Debug)]
pub(crate) struct Measures {
    began: Timestamp,
    warm_up: Duration,
    pub(crate) outcome: Outcome,
    /// By place: where the mean over the last second, and over the whole run, begins.
    window: Vec<Mark>,
    whole: Vec<Mark>,
    /// Endpoints to which something happens are left out of the mean over the whole run.
    faulty: Vec<bool>,
    watched: u32,
    slots: f64,
}

impl Measures {
    pub(crate) fn new(setting: &Setting, endpoints: &[Endpoint], now: Timestamp) -> Self {
        let marks: Vec<Mark> = endpoints.iter().map(|endpoint| endpoint.load.mark(now)).collect();
        let mut faulty = vec![false; endpoints.len()];
        setting.faults.iter().for_each(|fault| faulty[fault.place as usize] = true);
        Self {
            began: now,
            warm_up: setting.warm_up,
            outcome: Outcome::default(),
            window: marks.clone(),
            whole: marks,
            faulty,
            watched: setting.watched,
            slots: f64::from(setting.slots),
        }
    }

    /// Whether what happens to a request that came then is measured.
    pub(crate) fn counts(&self, arrived: Timestamp) -> bool {
        arrived.since(self.began) >= self.warm_up
    }

    /// The second of the run in which that was.
    pub(crate) fn second(&mut self, at: Timestamp) -> &mut Second {
        let number = at.since(self.began).as_secs() as usize;
        let seconds = &mut self.outcome.seconds;
        if seconds.len() <= number {
            seconds.resize_with(number + 1, Second::default);
        }
        &mut seconds[number]
    }

    /// An attempt goes out.
    pub(crate) fn attempt(&mut self, condition: Condition, now: Timestamp) {
        let broken = condition != Condition::Well;
        self.second(now).to_broken += u64::from(broken);
        if self.counts(now) {
            self.outcome.attempts += 1;
            self.outcome.to_broken += u64::from(broken);
        }
    }

    /// A request has its first token.
    pub(crate) fn first_token(&mut self, arrived: Timestamp, now: Timestamp) {
        if self.counts(arrived) {
            self.outcome.first_tokens_us.push(now.since(arrived).as_micros() as u32);
        }
    }

    /// The load of this moment.
    pub(crate) fn sample(&mut self, endpoints: &[Endpoint], now: Timestamp) {
        if self.counts(now) {
            let well = endpoints.iter().filter(|endpoint| endpoint.condition() == Condition::Well);
            let evenness = Evenness::of(well.map(|endpoint| f64::from(endpoint.in_flight())));
            self.outcome.instants.push(evenness.max_over_mean);
        }
    }

    /// The load of the second that is over.
    pub(crate) fn second_is_over(&mut self, endpoints: &[Endpoint], now: Timestamp) {
        let marks = self.window.iter_mut();
        let means: Vec<f64> =
            endpoints.iter().zip(marks).map(|(endpoint, mark)| endpoint.load.mean_since(mark, now)).collect();
        let well =
            endpoints.iter().zip(&means).filter(|(endpoint, _)| endpoint.condition() == Condition::Well);
        let evenness = Evenness::of(well.map(|(_, mean)| *mean));
        let watched = means[self.watched as usize];
        let counts = self.counts(now) && now.since(self.began) > self.warm_up;
        if counts {
            self.outcome.windows.push(evenness);
        } else if self.counts(now) {
            self.whole = endpoints.iter().map(|endpoint| endpoint.load.mark(now)).collect();
        }
        // The second that is over, not the one that begins.
        let at = Timestamp::from_nanos(now.as_nanos() - 1);
        let second = self.second(at);
        (second.evenness, second.watched) = (evenness, watched);
    }

    /// The run is over, with so many requests still in flight.
    pub(crate) fn finish(mut self, endpoints: &[Endpoint], in_flight: u64, now: Timestamp) -> Outcome {
        let marks = self.whole.iter_mut().zip(&self.faulty);
        let means = endpoints.iter().zip(marks).filter(|(_, (_, faulty))| !**faulty);
        let means = means.map(|(endpoint, (mark, _))| endpoint.load.mean_since(mark, now) / self.slots);
        self.outcome.whole = Evenness::of(means);
        self.outcome.in_flight = in_flight;
        self.outcome.first_tokens_us.sort_unstable();
        self.outcome.instants.sort_unstable_by(f64::total_cmp);
        self.outcome
    }
}
