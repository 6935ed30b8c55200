//! How much an endpoint wants the next request.
//!
//! The report that Spillway starts from weighs `0.7 · (1 / connections) + 0.3 · (1 / mean response time)`. Taken
//! literally that divides by zero on an idle endpoint, adds numbers of different units (the second term vanishes
//! beside the first), and a node that fails at once has few connections and short times, so it attracts all
//! traffic. The sound form, with the same weights:
//!
//! ```text
//! score  = worth · (0.7 + 0.3 · fastest mean / mean) / (1 + in flight)
//! chance = score¹², of an endpoint that is trusted; with probability (1 − failures)² it is
//! ```
//!
//! Worth is 1, times what else is known: Envoy's weight, slots, warm-up, a short key-value cache. An endpoint whose
//! slots are all taken has half the score; one with so few left that requests of others may have taken them, less than all.
//!
//! Why a product and not a sum, why such a power, and why failures thin out instead of lowering the score:
//! `docs/adr/0003-the-score.md`, with what was measured for each.

use spillway_primitives::Rng;

/// What is known about an endpoint at the moment of a choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// What tells it from others: this Envoy's own requests there that are not completed, and how many more than usual
    /// other Envoys have there. Not negative.
    pub in_flight: f64,
    /// All requests there that are not completed, as far as they are known.
    pub total: f64,
    /// Those of [`Self::total`] that are known by what the endpoint said, which may have changed since. Not negative.
    pub others: f64,
    /// Requests that can run there at the same time; `None` where that is not known.
    pub slots: Option<u32>,
    /// Mean time to first token in microseconds; `None` while nothing was measured.
    pub mean_us: Option<u64>,
    /// Moving share of attempts that failed, in thousandths; more than 1000 counts as 1000.
    pub failure_permille: u64,
    /// What the endpoint is worth beside an ordinary one, whose worth is 1. More than 0.
    pub worth: f64,
}

impl Default for Load {
    /// An ordinary endpoint that is idle, and of which nothing else is known.
    fn default() -> Self {
        Self {
            in_flight: 0.0,
            total: 0.0,
            others: 0.0,
            slots: None,
            mean_us: None,
            failure_permille: 0,
            worth: 1.0,
        }
    }
}

/// How much each term counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// What an endpoint is worth whatever its response time.
    pub connections: f64,
    /// What the fastest endpoint is worth more; a slower one gets `fastest mean / mean` of it.
    pub response_time: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { connections: 0.7, response_time: 0.3 }
    }
}

/// How sharply a better score is preferred. 1 is hardly better than chance among busy endpoints; much more is argmax,
/// which makes herds.
pub(crate) const SHARPNESS: i32 = 12;

/// The least chance to be trusted, so that the recovery of an endpoint that fails is seen.
const LEAST_TRUST: f64 = 0.01;

/// What is left of the chance of an endpoint that is not trusted: less than that of any that is.
const LAST_RESORT: f64 = 1e-100;

/// What is left of the score of an endpoint whose slots are all taken: the next request would wait there.
const FULL: f64 = 0.5;

/// Up to this share of the slots may be taken by requests of others that the endpoint has not told of yet. With more, all
/// who believe the same would meet at the few that seem sure to have room.
const MOST_DOUBT: f64 = 0.125;

impl Weights {
    /// The score of an endpoint: more than zero, and at most `connections + response_time` times its worth.
    ///
    /// `fastest_us` is the smallest mean of the pool. An endpoint that was not measured yet counts as the fastest:
    /// it has to be tried to be known.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "loads and microseconds are far below 2^52")]
    pub fn score(&self, load: Load, fastest_us: Option<u64>) -> f64 {
        let quickness = match (fastest_us, load.mean_us) {
            (Some(fastest), Some(mean)) if mean > fastest => fastest.max(1) as f64 / mean as f64,
            _ => 1.0,
        };
        let terms = self.connections + self.response_time * quickness;
        load.worth * room(load) * terms / (1.0 + load.in_flight)
    }

    /// The endpoint's chance in a draw, relative to the others'.
    ///
    /// An endpoint that fails at once is always idle, so no penalty on its score would keep traffic away from it.
    /// Instead it takes part in fewer draws: in `(1 − failures)²` of them, and at least in one of a hundred.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "at most 1000")]
    pub fn chance(&self, load: Load, fastest_us: Option<u64>, rng: &mut Rng) -> f64 {
        let chance = self.score(load, fastest_us).powi(SHARPNESS);
        let success = 1.0 - load.failure_permille.min(1000) as f64 / 1000.0;
        let trusted = load.failure_permille == 0 || rng.f64() < (success * success).max(LEAST_TRUST);
        if trusted { chance } else { chance * LAST_RESORT }
    }
}

/// From [`FULL`] to 1, by how likely it is that a slot is free.
fn room(load: Load) -> f64 {
    let Some(slots) = load.slots.map(f64::from) else { return 1.0 };
    let free = slots - load.total;
    if free <= 0.0 {
        return FULL;
    }
    // Counts of what comes and goes without regard to one another are off by about their root.
    let doubt = load.others.sqrt().min(slots * MOST_DOUBT);
    if free <= doubt { FULL.powf(1.0 - free / (doubt + 1.0)) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spillway_primitives::rng_from;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn load(in_flight: u64, mean_us: u64) -> Load {
        let in_flight = in_flight as f64;
        Load { in_flight, total: in_flight, mean_us: Some(mean_us), ..Load::default() }
    }

    #[track_caller]
    fn scores(of: Load, expected: f64) {
        let score = Weights::default().score(of, Some(100));
        assert!((score - expected).abs() < 1e-9, "{of:?} scores {score}, not {expected}");
    }

    #[test]
    fn the_terms_by_hand() {
        scores(load(0, 100), 1.0);
        scores(load(1, 100), 0.5);
        scores(load(0, 200), 0.85);
        scores(load(4, 400), 0.775 / 5.0);
        scores(Load { worth: 3.0, ..load(2, 100) }, 1.0);
        scores(Load { slots: Some(5), ..load(4, 100) }, 0.2);
        scores(Load { slots: Some(4), ..load(4, 100) }, 0.1);
        scores(Load { mean_us: None, ..load(0, 0) }, 1.0);
    }

    /// Of 16 slots up to 2 may be taken by requests of others that nobody has told of.
    #[test]
    fn the_last_slots_are_in_doubt_where_others_send_requests_too() {
        let score = |total, others| {
            let load = Load { total, others, slots: Some(16), ..load(0, 100) };
            (Weights::default().score(load, Some(100)) * 100.0).round()
        };
        assert_eq!(
            [12.0, 13.5, 14.0, 15.0, 16.0].map(|total| score(total, 8.0)),
            [100.0, 100.0, 79.0, 63.0, 50.0]
        );
        assert_eq!([14.0, 15.0, 16.0].map(|total| score(total, 1.0)), [100.0, 71.0, 50.0]);
        assert_eq!([14.0, 15.0, 16.0].map(|total| score(total, 0.0)), [100.0, 100.0, 50.0]);
    }

    #[test]
    fn an_endpoint_that_always_fails_takes_part_in_one_draw_of_a_hundred() {
        let mut rng = rng_from(&[1]);
        let failing = Load { failure_permille: 1000, ..load(0, 10_000_000) };
        let busy = Weights::default().chance(load(1_000, 100), Some(100), &mut rng);
        let preferred =
            (0..10_000).filter(|_| Weights::default().chance(failing, Some(100), &mut rng) > busy).count();
        assert!((50..=150).contains(&preferred), "{preferred} of 10000");
    }

    proptest! {
        #[test]
        fn it_is_positive_bounded_and_falls_with_load(
            in_flight in 0u64..1_000_000, mean in proptest::option::of(0u64..1 << 50),
            failures in 0u64..5_000, fastest in proptest::option::of(0u64..1 << 50), worth in 0.001f64..1000.0,
            slots in proptest::option::of(0u32..1000), seed: u64,
        ) {
            let weights = Weights::default();
            let in_flight = in_flight as f64;
            let of = Load { in_flight, total: in_flight, others: 0.0, slots, mean_us: mean, failure_permille: failures, worth };
            let score = weights.score(of, fastest);
            prop_assert!(score > 0.0 && score <= worth);
            let busier = weights.score(Load { in_flight: in_flight + 1.0, total: in_flight + 1.0, ..of }, fastest);
            prop_assert!(busier < score);
            let chance = weights.chance(of, fastest, &mut rng_from(&[seed]));
            prop_assert!(chance > 0.0 && chance.is_finite());
        }
    }
}
