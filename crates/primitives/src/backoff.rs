//! Waiting longer each time, with jitter.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Rng;

/// Delays that double up to a ceiling.
///
/// Jitter makes each delay up to so much longer, never shorter: those who were told the same time at the same moment
/// do not come back at the same moment (M. Brooker, "Exponential Backoff and Jitter", 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    base: Duration,
    ceiling: Duration,
    jitter_permille: u16,
}

impl Backoff {
    /// From `base` to `ceiling` (at least `base`), each up to `jitter_permille` / 1000 longer.
    #[must_use]
    pub fn new(base: Duration, ceiling: Duration, jitter_permille: u16) -> Self {
        Self { base, ceiling: ceiling.max(base), jitter_permille }
    }

    /// The delay after `before` earlier ones.
    #[must_use]
    pub fn delay(&self, before: u32, rng: &mut Rng) -> Duration {
        let doubled = self.base.saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX));
        let delay = doubled.min(self.ceiling);
        let jitter = f64::from(self.jitter_permille) / 1000.0 * rng.f64();
        let longer = Duration::try_from_secs_f64(delay.as_secs_f64() * jitter);
        delay.saturating_add(longer.unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng_from;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn it_doubles_to_the_ceiling() {
        let backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(300), 0);
        let delays =
            [0, 1, 2, 3, 4, 31, 32, u32::MAX].map(|n| backoff.delay(n, &mut rng_from(&[1])).as_secs());
        assert_eq!(delays, [30, 60, 120, 240, 300, 300, 300, 300]);
    }

    #[test]
    fn a_ceiling_below_the_base_is_the_base() {
        let backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(1), 0);
        assert_eq!(backoff.delay(5, &mut rng_from(&[1])).as_secs(), 30);
    }

    #[test]
    fn jitter_makes_it_longer_by_no_more_than_its_share() {
        let backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(10), 200);
        let mut rng = rng_from(&[1]);
        let delays: Vec<f64> = (0..1000).map(|_| backoff.delay(0, &mut rng).as_secs_f64()).collect();
        assert!(delays.iter().all(|delay| (10.0..=12.0).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 10.2) && delays.iter().any(|delay| *delay > 11.8));
    }
}
