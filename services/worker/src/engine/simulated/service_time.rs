//! How long a request takes.
//!
//! ```text
//! time to first token = (base latency + prompt tokens / prefill rate + 1 / decode rate) · jitter / speed
//! each later token    = 1 / decode rate · jitter / speed
//! ```

use super::Behaviour;
use std::time::Duration;

/// The rates of a worker at speed 1, without jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// What every request takes before anything else.
    pub base_latency: Duration,
    /// Tokens of a prompt per second, above 0.
    pub prefill_tokens_per_s: f64,
    /// Tokens of one answer per second, above 0.
    pub decode_tokens_per_s: f64,
}

/// The times of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceTime {
    rates: Rates,
    /// Multiplies every time.
    factor: f64,
}

impl ServiceTime {
    /// The times of a request that drew `luck` from 0..1.
    #[must_use]
    pub fn draw(rates: &Rates, behaviour: &Behaviour, luck: f64) -> Self {
        let jitter = 1.0 + behaviour.jitter_ratio * (2.0 * luck - 1.0);
        Self { rates: *rates, factor: jitter / behaviour.speed_factor }
    }

    /// From getting a slot to the first token.
    #[must_use]
    pub fn first_token(&self, prompt_tokens: u32) -> Duration {
        self.prompt(prompt_tokens) + self.later_tokens(1)
    }

    /// From getting a slot to where the prompt is read.
    #[must_use]
    pub fn prompt(&self, prompt_tokens: u32) -> Duration {
        let prefill = f64::from(prompt_tokens) / self.rates.prefill_tokens_per_s;
        self.scaled(self.rates.base_latency.as_secs_f64() + prefill)
    }

    /// From the first token to the one `index` after it.
    #[must_use]
    pub fn later_tokens(&self, index: u32) -> Duration {
        self.scaled(f64::from(index) / self.rates.decode_tokens_per_s)
    }

    fn scaled(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds * self.factor).unwrap_or(Duration::MAX / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates {
        base_latency: Duration::from_millis(100),
        prefill_tokens_per_s: 1000.0,
        decode_tokens_per_s: 50.0,
    };

    #[track_caller]
    fn check(speed_factor: f64, jitter_ratio: f64, luck: f64, first_ms: u64, later_ms: u64) {
        let behaviour = Behaviour { speed_factor, jitter_ratio, ..Behaviour::default() };
        let time = ServiceTime::draw(&RATES, &behaviour, luck);
        let ms = |d: Duration| (d.as_secs_f64() * 1000.0).round();
        let expected = (Duration::from_millis(first_ms), Duration::from_millis(later_ms));
        assert_eq!((ms(time.first_token(200)), ms(time.later_tokens(10))), (ms(expected.0), ms(expected.1)));
    }

    #[test]
    fn times() {
        check(1.0, 0.0, 0.9, 320, 200);
        check(2.0, 0.0, 0.9, 160, 100);
        check(1.0, 0.5, 0.5, 320, 200);
        check(1.0, 0.5, 0.0, 160, 100);
        check(1.0, 0.5, 1.0, 480, 300);
        check(0.5, 0.0, 0.0, 640, 400);
    }
}
