//! The share of failures over the last while.
//!
//! Successes are counted elsewhere, by a counter that only rises, so that a success costs nothing here. The window
//! remembers where that counter stood when it began. It moves in halves: what is known covers between one half and
//! the whole of its length.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use crate::Ratio;

/// Failures, and where the counter of successes stood at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Half {
    began: Timestamp,
    failures: u64,
    successes_at: u64,
}

/// A window of two halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    before: Option<Half>,
    now: Option<Half>,
}

impl Window {
    /// One more failure, with `successes` counted so far since ever.
    pub(crate) fn failed(&mut self, now: Timestamp, successes: u64, length: Duration) {
        let fresh = Half { began: now, failures: 0, successes_at: successes };
        let mut half = match self.now {
            // The clock stepped back, or the counter did because the endpoint's place was handed on.
            Some(half) if now < half.began || successes < half.successes_at => {
                self.before = None;
                fresh
            }
            Some(half) if now.since(half.began) >= length => {
                self.before = None;
                fresh
            }
            Some(half) if now.since(half.began) >= length / 2 => {
                self.before = Some(half);
                fresh
            }
            Some(half) => half,
            None => fresh,
        };
        half.failures += 1;
        self.now = Some(half);
    }

    /// Whether too large a share failed.
    pub(crate) fn is_over(&self, successes: u64, ratio: Ratio) -> bool {
        let Some(now) = self.now else { return false };
        let first = self.before.unwrap_or(now);
        let failures = now.failures + self.before.map_or(0, |half| half.failures);
        let requests = failures + successes.saturating_sub(first.successes_at);
        requests >= ratio.min_requests
            && u128::from(failures) * 1000 >= u128::from(requests) * u128::from(ratio.failure_permille)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const RATIO: Ratio = Ratio { failure_permille: 500, min_requests: 10, window: Duration::from_secs(10) };

    /// Failures at (second, successes counted by then); whether the share is too large after the last one.
    #[track_caller]
    fn check(failures: &[(u64, u64)], expected: bool) {
        let mut window = Window::default();
        for (second, successes) in failures {
            window.failed(Timestamp::from_millis(second * 1000), *successes, RATIO.window);
        }
        let last = failures.last().map_or(0, |(_, successes)| *successes);
        assert_eq!(window.is_over(last, RATIO), expected, "{failures:?}: {window:?}");
    }

    #[test]
    fn the_share_over_the_last_while() {
        check(&[], false);
        check(&[(100, 0); 9], false);
        check(&[(100, 0); 10], true);
        check(&[(100, 500), (101, 501), (102, 502), (103, 503), (104, 504)], false);
        let half = |from: u64| (0..10).map(|n| (from, 500 + n)).collect::<Vec<_>>();
        check(&half(100), true);
        check(&[vec![(100, 0)], half(100)].concat(), false);
        check(&[vec![(100, 0)], half(106)].concat(), false);
        check(&[vec![(100, 0)], half(111)].concat(), true);
        check(&[vec![(100, 0)], half(50)].concat(), true);
    }
}
