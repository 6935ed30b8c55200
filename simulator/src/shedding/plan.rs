//! A run: how much comes when, of which kind, to which inference workers.

use std::time::Duration;

use spillway_primitives::Rng;

use crate::draw::{exponential, log_normal};

/// Prompt tokens, mean time to the first token in milliseconds, and how many of a hundred requests have such a prompt.
pub type Prompts = [(u64, f64, u32); 3];

/// Few are long: 40 ms in the mean.
const PROMPTS: Prompts = [(200, 20.0, 70), (1_500, 60.0, 22), (8_000, 160.0, 8)];
/// How far single prefills are from their mean, as the standard deviation of the logarithm.
const PREFILL_SIGMA: f64 = 0.3;
/// The same of decoding.
const DECODE_SIGMA: f64 = 0.6;

/// A run before it is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Inference workers, from which second on.
    pub workers: Vec<(u64, u32)>,
    /// Slots of each.
    pub slots: u32,
    /// Mean time in a slot, prefill included.
    pub generation: Duration,
    /// Prompts.
    pub prompts: Prompts,
    /// Envoys, each with its share of the requests.
    pub envoys: usize,
    /// Until that second the first of them gets everything.
    pub alone_until: u64,
    /// Load as a multiple of what all workers can do, from which second on.
    pub load: Vec<(u64, f64)>,
    /// Of a hundred requests, how many are of each level.
    pub mix: [u32; 3],
    /// Of a hundred requests, how many stream.
    pub streamed: u32,
    /// Whether requests come at equal distances; else as a Poisson process.
    pub constant: bool,
    /// Whether inference workers report their load.
    pub reports: bool,
    /// When those that are refused come back, once.
    pub returns: Returns,
    /// A request whose first token takes longer was for nothing.
    pub deadline: Duration,
    /// Of a hundred requests, how many a balancer sends to any worker rather than to the one with the fewest.
    pub astray: u32,
    /// The first seconds are not measured.
    pub warm_up: u64,
    /// Seconds in all.
    pub seconds: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            workers: vec![(0, 3)],
            slots: 8,
            generation: Duration::from_millis(500),
            prompts: PROMPTS,
            envoys: 1,
            alone_until: 0,
            load: vec![(0, 1.0)],
            mix: [20, 30, 50],
            streamed: 100,
            constant: true,
            reports: false,
            returns: Returns::Never,
            deadline: Duration::from_secs(1),
            astray: 0,
            warm_up: 10,
            seconds: 60,
        }
    }
}

/// When a client that is refused comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// It does not.
    Never,
    /// When it is told to.
    AsPromised,
    /// After a time that is the same for all.
    After(Duration),
}

/// What a request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) level: u8,
    pub(super) streamed: bool,
    pub(super) prompt_tokens: u64,
    pub(super) prefill: Duration,
    pub(super) decode: Duration,
    pub(super) tenant: u32,
}

impl Plan {
    /// Inference workers in a second.
    #[must_use]
    pub fn workers_at(&self, second: u64) -> u32 {
        self.workers.iter().rev().find(|(from, _)| *from <= second).map_or(0, |(_, workers)| *workers)
    }

    /// Slots in a second.
    #[must_use]
    pub fn slots_at(&self, second: u64) -> u32 {
        self.workers_at(second) * self.slots
    }

    /// Requests a second that the workers of that second can serve.
    #[must_use]
    pub fn capacity_at(&self, second: u64) -> f64 {
        f64::from(self.slots_at(second)) / self.generation.as_secs_f64()
    }

    /// How many requests come in all, about.
    #[must_use]
    pub fn requests(&self) -> u64 {
        (0..self.seconds).map(|second| self.rate_at(second)).sum::<f64>() as u64
    }

    pub(super) fn rate_at(&self, second: u64) -> f64 {
        let load = self.load.iter().rev().find(|(from, _)| *from <= second).map_or(0.0, |(_, load)| *load);
        load * self.capacity_at(second)
    }

    /// Until the next request comes.
    pub(super) fn gap(&self, second: u64, rng: &mut Rng) -> Duration {
        let mean = 1.0 / self.rate_at(second).max(1e-3);
        Duration::from_secs_f64(if self.constant { mean } else { exponential(mean, rng) })
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> Draw {
        let mut of_hundred = |shares: [u32; 3]| {
            let mut at = rng.u32(0..shares.iter().sum::<u32>().max(1));
            shares
                .iter()
                .position(|share| at.checked_sub(*share).map(|rest| at = rest).is_none())
                .unwrap_or(2)
        };
        let level = of_hundred(self.mix) as u8;
        let (prompt_tokens, prefill, _) = self.prompts[of_hundred(self.prompts.map(|(_, _, share)| share))];
        let mean: f64 =
            self.prompts.iter().map(|(_, millis, share)| millis * f64::from(*share) / 100.0).sum();
        let decode = (self.generation.as_secs_f64() - mean / 1000.0).max(0.0);
        Draw {
            level,
            prompt_tokens,
            streamed: rng.u32(0..100) < self.streamed,
            prefill: Duration::from_secs_f64(log_normal(prefill / 1000.0, PREFILL_SIGMA, rng)),
            decode: Duration::from_secs_f64(log_normal(decode, DECODE_SIGMA, rng)),
            tenant: rng.u32(0..20),
        }
    }
}
