//! How long a first token takes when nobody waits.
//!
//! The least mean of any window, over two epochs. The least of many noisy means lies below what they are means of, the
//! more so the fewer samples each has, so what is kept of a window is its mean and a margin that pays for that: three
//! standard errors, and at least 1/√n of the mean where few samples say little about how far they are apart.

use serde::{Deserialize, Serialize};

use super::Samples;

/// The baseline of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// The least mean of this epoch, in microseconds.
    current: Option<f32>,
    /// That of the one before.
    previous: Option<f32>,
}

impl Baseline {
    /// In microseconds; `None` before any sample.
    pub(super) fn value(&self) -> Option<f64> {
        self.current.into_iter().chain(self.previous).reduce(f32::min).map(f64::from)
    }

    /// First tokens of one more window.
    pub(super) fn observe(&mut self, samples: &Samples) {
        if let Some(candidate) = candidate(samples) {
            self.lower(candidate);
        }
    }

    /// A new epoch begins.
    pub(super) fn rotate(&mut self) {
        if let Some(current) = self.current.take() {
            self.previous = Some(current);
        }
    }

    /// What was taken for waiting is how long a first token takes now: the baseline was that of other times. It grows at
    /// most fourfold at once.
    pub(super) fn accept(&mut self, samples: &Samples) {
        let (Some(old), Some((mean, _))) = (self.value(), samples.mean()) else { return };
        *self = Self { current: Some(mean.clamp(old, 4.0 * old) as f32), ..Self::default() };
    }

    fn lower(&mut self, candidate: f64) {
        let candidate = candidate as f32;
        self.current = Some(self.current.map_or(candidate, |least| least.min(candidate)));
    }
}

/// The mean of a window and its margin.
fn candidate(samples: &Samples) -> Option<f64> {
    let (mean, error) = samples.mean()?;
    Some(mean + (3.0 * error).max(mean / f64::from(samples.count()).sqrt()))
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
        baseline.observe(&samples(1, 500));
        assert_eq!(baseline.value(), Some(1_000.0), "one says little");
        baseline.observe(&samples(100, 500));
        assert_eq!(baseline.value(), Some(550.0));
        baseline.observe(&samples(100, 200));
        assert_eq!(baseline.value(), Some(220.0));
        baseline.rotate();
        baseline.observe(&samples(100, 900));
        assert_eq!(baseline.value(), Some(220.0), "the epoch before still counts");
        baseline.rotate();
        baseline.observe(&samples(100, 950));
        assert_eq!(baseline.value(), Some(990.0));
    }

    #[test]
    fn it_grows_at_most_fourfold_when_times_have_changed() {
        let mut baseline = Baseline::default();
        baseline.observe(&samples(100, 100));
        baseline.accept(&samples(20, 150));
        assert_eq!(baseline.value(), Some(150.0));
        baseline.accept(&samples(20, 1_000));
        assert_eq!(baseline.value(), Some(600.0));
    }
}
