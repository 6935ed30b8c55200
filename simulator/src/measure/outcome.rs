//! What a run came to.

/// What a run came to. Everything but the first four counts what came after the warm-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Requests that came.
    pub arrived: u64,
    /// Those with a whole answer.
    pub completed: u64,
    /// Those with none, or one that broke off.
    pub failed: u64,
    /// Those under way at the end.
    pub in_flight: u64,
    /// Attempts, the first ones and the retries.
    pub attempts: u64,
    /// Those that went to an endpoint that was not well.
    pub to_broken: u64,
    /// Times to first token in microseconds as clients saw them, retries included, ascending.
    pub first_tokens_us: Vec<u32>,
    /// Load of each endpoint per slot over the whole run.
    pub whole: Evenness,
    /// Requests in flight of each endpoint, mean over a second, in the order of time.
    pub windows: Vec<Evenness>,
    /// Most in flight ÷ mean at one moment, every tenth of a second, ascending.
    pub instants: Vec<f64>,
    /// Requests that met an endpoint which remembered their prefix, and those that did not.
    pub hits: u64,
    /// See `hits`.
    pub misses: u64,
    /// Every second from the beginning, the warm-up included.
    pub seconds: Vec<Second>,
}

/// How even a load is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evenness {
    /// Of all endpoints.
    pub mean: f64,
    /// The most loaded one's ÷ mean.
    pub max_over_mean: f64,
    /// Standard deviation ÷ mean.
    pub spread: f64,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Second {
    /// Requests that came in it.
    pub arrived: u64,
    /// Those of them that failed, whenever they did.
    pub failed: u64,
    /// Those of them whose answer broke off after it had begun; part of `failed`.
    pub broken_off: u64,
    /// Attempts to endpoints that were not well.
    pub to_broken: u64,
    /// Load of the endpoints that were well.
    pub evenness: Evenness,
    /// Mean in flight at the endpoint that is watched.
    pub watched: f64,
}

impl Evenness {
    /// Of some loads.
    #[must_use]
    pub fn of(loads: impl Iterator<Item = f64>) -> Self {
        let (mut count, mut sum, mut squares, mut max) = (0.0, 0.0, 0.0, 0.0_f64);
        for load in loads {
            (count, sum, squares, max) = (count + 1.0, sum + load, squares + load * load, max.max(load));
        }
        if sum <= 0.0 {
            return Self::default();
        }
        let mean = sum / count;
        let variance = (squares / count - mean * mean).max(0.0);
        Self { mean, max_over_mean: max / mean, spread: variance.sqrt() / mean }
    }
}

impl Outcome {
    /// A quantile of the times to first token in milliseconds; `share` from 0 to 1.
    #[must_use]
    pub fn first_token_ms(&self, share: f64) -> f64 {
        f64::from(quantile(&self.first_tokens_us, share)) / 1000.0
    }

    /// Mean time to first token in milliseconds.
    #[must_use]
    pub fn mean_first_token_ms(&self) -> f64 {
        let sum: f64 = self.first_tokens_us.iter().copied().map(f64::from).sum();
        sum / self.first_tokens_us.len().max(1) as f64 / 1000.0
    }

    /// A quantile of the most loaded endpoint's load ÷ mean at one moment.
    #[must_use]
    pub fn instant(&self, share: f64) -> f64 {
        quantile(&self.instants, share)
    }

    /// A quantile, over all seconds, of the most loaded endpoint's mean load in that second ÷ the mean.
    #[must_use]
    pub fn window(&self, share: f64) -> f64 {
        let mut maxima: Vec<f64> = self.windows.iter().map(|window| window.max_over_mean).collect();
        maxima.sort_unstable_by(f64::total_cmp);
        quantile(&maxima, share)
    }

    /// The share of attempts that went to endpoints that were not well.
    #[must_use]
    pub fn broken_share(&self) -> f64 {
        self.to_broken as f64 / self.attempts.max(1) as f64
    }

    /// The share of requests that met an endpoint which remembered their prefix.
    #[must_use]
    pub fn hit_share(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }

    /// The share of the requests that came in some seconds of the run which failed; `broken_off` counts those whose
    /// answer had begun as well.
    #[must_use]
    pub fn failed_share(&self, seconds: std::ops::Range<usize>, broken_off: bool) -> f64 {
        let within = self.seconds.iter().skip(seconds.start).take(seconds.len());
        let (failed, arrived) = within.fold((0, 0), |(failed, arrived), second| {
            let spared = if broken_off { 0 } else { second.broken_off };
            (failed + second.failed - spared, arrived + second.arrived)
        });
        failed as f64 / arrived.max(1) as f64
    }
}

/// Of ascending values; zero when there are none.
fn quantile<T: Copy + Default>(ascending: &[T], share: f64) -> T {
    let last = ascending.len().saturating_sub(1);
    ascending.get((share * last as f64).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenness_of_few_loads() {
        let evenness = Evenness::of([0.5, 1.0, 1.5].into_iter());
        assert!((evenness.spread - 0.408).abs() < 1e-3);
        assert!((evenness.max_over_mean - 1.5).abs() < 1e-9);
        assert_eq!(Evenness::of([0.0].into_iter()), Evenness::default());
    }

    #[test]
    fn quantiles() {
        let values: Vec<u32> = (0..=100).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| quantile(&values, share)), [0, 50, 99, 100]);
        assert_eq!(quantile::<u32>(&[], 0.5), 0);
    }
}
