//! How much an endpoint wants the next request.
//!
//! The report that Spillway starts from weighs `0.7 · (1 / connections) + 0.3 · (1 / mean response time)`. Taken
//! literally that divides by zero on an idle endpoint, adds numbers of different units (the second term vanishes
//! beside the first), and a node that fails at once has few connections and short times, so it attracts all
//! traffic. The sound form, with the same weights:
//!
//! ```text
//! score = (0.7 / (1 + in flight) + 0.3 · fastest mean / mean) · (1 − failures)²
//! ```
//!
//! Both terms lie in 0..=1. The last factor is ours (`docs/adr/0003-failures-in-the-score.md`): an endpoint that
//! fails at once is always idle, so a response-time penalty alone still leaves it the whole first term.

/// What is known about an endpoint at the moment of a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Attempts sent and not completed.
    pub in_flight: u64,
    /// Mean time to first token in microseconds; `None` while nothing was measured.
    pub mean_us: Option<u64>,
    /// Moving share of attempts that failed, in thousandths; more than 1000 counts as 1000.
    pub failure_permille: u64,
    /// The endpoint's weight as Envoy has it; 1 is usual, 0 counts as 1.
    pub weight: u32,
}

/// How much each term counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Weight of `1 / (1 + in flight)`.
    pub connections: f64,
    /// Weight of `fastest mean / mean`.
    pub response_time: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { connections: 0.7, response_time: 0.3 }
    }
}

/// The least share of its score that a failing endpoint keeps, so that its recovery is seen.
const LEAST_SUCCESS: f64 = 0.01;

impl Weights {
    /// The score of an endpoint: more than zero, and at most `connections + response_time` times its weight.
    ///
    /// `fastest_us` is the smallest mean of the pool. An endpoint that was not measured yet counts as the fastest:
    /// it has to be tried to be known.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "loads and microseconds are far below 2^52")]
    pub fn score(&self, load: Load, fastest_us: Option<u64>) -> f64 {
        let connections = 1.0 / (1.0 + load.in_flight as f64);
        let response_time = match (fastest_us, load.mean_us) {
            (Some(fastest), Some(mean)) if mean > fastest => fastest.max(1) as f64 / mean as f64,
            _ => 1.0,
        };
        let success = 1.0 - load.failure_permille.min(1000) as f64 / 1000.0;
        let wish = self.connections * connections + self.response_time * response_time;
        wish * (success * success).max(LEAST_SUCCESS) * f64::from(load.weight.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn load(in_flight: u64, mean_us: u64, failure_permille: u64) -> Load {
        Load { in_flight, mean_us: Some(mean_us), failure_permille, weight: 1 }
    }

    #[track_caller]
    fn scores(of: Load, expected: f64) {
        let score = Weights::default().score(of, Some(100));
        assert!((score - expected).abs() < 1e-9, "{of:?} scores {score}, not {expected}");
    }

    #[test]
    fn the_terms_by_hand() {
        scores(load(0, 100, 0), 1.0);
        scores(load(1, 100, 0), 0.35 + 0.3);
        scores(load(0, 200, 0), 0.7 + 0.15);
        scores(load(6, 400, 0), 0.1 + 0.075);
        scores(load(0, 100, 500), 0.25);
        scores(Load { weight: 3, ..load(0, 100, 0) }, 3.0);
        scores(Load { mean_us: None, ..load(0, 0, 0) }, 1.0);
    }

    #[test]
    fn a_node_that_fails_at_once_is_less_wanted_than_a_busy_one() {
        let failing = Weights::default().score(load(0, 10_000_000, 950), Some(100));
        let busy = Weights::default().score(load(200, 100, 0), Some(100));
        assert!(failing * 10.0 < busy, "failing {failing}, busy {busy}");
    }

    proptest! {
        #[test]
        fn it_is_positive_bounded_and_falls_with_load(
            in_flight in 0u64..1_000_000, mean in proptest::option::of(0u64..1 << 50),
            failures in 0u64..5_000, fastest in proptest::option::of(0u64..1 << 50), weight in 0u32..1000,
        ) {
            let weights = Weights::default();
            let of = Load { in_flight, mean_us: mean, failure_permille: failures, weight };
            let score = weights.score(of, fastest);
            prop_assert!(score > 0.0 && score <= f64::from(weight.max(1)));
            let busier = weights.score(Load { in_flight: in_flight + 1, ..of }, fastest);
            prop_assert!(busier <= score);
            let worse = weights.score(Load { failure_permille: failures + 1, ..of }, fastest);
            prop_assert!(worse <= score);
        }
    }
}
