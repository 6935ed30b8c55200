//! How long a first token takes when nobody waits.
//!
//! The least mean of any window, over two epochs. What is kept of a window is its mean and two standard errors more: the
//! least of many noisy means lies below what they are means of, the more so the fewer samples each has.

use serde::{Deserialize, Serialize};

use super::Samples;

/// So many samples make a mean that counts.
const ENOUGH: u32 = 20;

/// The baseline of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// The least mean of this epoch, in microseconds.
    current: Option<f32>,
    /// That of the one before.
    previous: Option<f32>,
    /// The least until there are enough samples for one that counts.
    provisional: Option<f32>,
    /// Samples that are not enough yet.
    gathered: Samples,
}

impl Baseline {
    /// In microseconds; `None` before any sample.
    pub(super) fn value(&self) -> Option<f64> {
        let known = self.current.into_iter().chain(self.previous).reduce(f32::min);
        known.or(self.provisional).map(f64::from)
    }

    /// Samples of one more window.
    pub(super) fn observe(&mut self, samples: &Samples) {
        self.gathered.merge(samples);
        if self.gathered.count() >= ENOUGH {
            self.settle();
        } else if self.current.is_none() && self.previous.is_none() {
            lower(&mut self.provisional, samples);
        }
    }

    /// What is gathered counts, however little it is: it was gathered while nobody waited.
    pub(super) fn settle(&mut self) {
        lower(&mut self.current, &std::mem::take(&mut self.gathered));
    }

    /// What is gathered does not count.
    pub(super) fn discard(&mut self) {
        self.gathered = Samples::default();
    }

    /// A new epoch begins.
    pub(super) fn rotate(&mut self) {
        if let Some(current) = self.current.take() {
            self.previous = Some(current);
        }
        self.discard();
    }

    /// What was taken for waiting is how long a first token takes now: the baseline was that of other times. It grows at
    /// most fourfold at once.
    pub(super) fn accept(&mut self, samples: &Samples) {
        let (Some(old), Some((mean, _))) = (self.value(), samples.mean()) else { return };
        *self = Self { current: Some(mean.clamp(old, 4.0 * old) as f32), ..Self::default() };
    }
}

fn lower(least: &mut Option<f32>, samples: &Samples) {
    if let Some((mean, error)) = samples.mean() {
        let candidate = (mean + 2.0 * error) as f32;
        *least = Some(least.map_or(candidate, |least| least.min(candidate)));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn samples(count: u32, micros: u64) -> Samples {
        let mut samples = Samples::default();
        (0..count).for_each(|_| samples.add(micros));
        samples
    }

    #[test]
    fn the_least_mean_of_two_epochs() {
        let mut baseline = Baseline::default();
        assert_eq!(baseline.value(), None);
        baseline.observe(&samples(3, 500));
        assert_eq!(baseline.value(), Some(500.0), "few are better than none");
        baseline.observe(&samples(17, 300));
        assert_eq!(baseline.value(), Some(330.0f64.max(baseline.value().unwrap())));
        baseline.observe(&samples(40, 200));
        assert_eq!(baseline.value(), Some(200.0));
        baseline.rotate();
        baseline.observe(&samples(40, 900));
        assert_eq!(baseline.value(), Some(200.0), "the epoch before still counts");
        baseline.rotate();
        baseline.observe(&samples(40, 950));
        assert_eq!(baseline.value(), Some(900.0));
    }

    #[test]
    fn it_grows_at_most_fourfold_when_times_have_changed() {
        let mut baseline = Baseline::default();
        baseline.observe(&samples(20, 100));
        baseline.accept(&samples(20, 150));
        assert_eq!(baseline.value(), Some(150.0));
        baseline.accept(&samples(20, 1_000));
        assert_eq!(baseline.value(), Some(600.0));
    }
}
