//! What a request takes: prefill up to the first token, decode up to the last.

use std::time::Duration;

use spillway_primitives::Rng;

use crate::draw::{exponential, log_normal};

/// What a request takes on an endpoint of speed 1.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Mean time to the first token once it runs.
    pub prefill: Duration,
    /// Mean time from there to the last.
    pub decode: Duration,
    /// How far single requests are from these.
    pub shape: Shape,
}

/// How times are spread.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Memoryless, as in the textbooks.
    Exponential,
    /// With that standard deviation of the logarithm: few are very short, some very long.
    LogNormal(f64),
}

impl Default for Service {
    fn default() -> Self {
        Self {
            prefill: Duration::from_millis(200),
            decode: Duration::from_millis(1_800),
            shape: Shape::LogNormal(0.8),
        }
    }
}

impl Service {
    /// Mean time in a slot.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.prefill + self.decode
    }

    /// A draw: time to the first token, and from there to the last.
    pub fn draw(&self, rng: &mut Rng) -> (Duration, Duration) {
        let mut one = |mean: Duration| {
            let mean = mean.as_secs_f64();
            Duration::from_secs_f64(match self.shape {
                Shape::Exponential => exponential(mean, rng),
                Shape::LogNormal(sigma) => log_normal(mean, sigma, rng),
            })
        };
        (one(self.prefill), one(self.decode))
    }
}
