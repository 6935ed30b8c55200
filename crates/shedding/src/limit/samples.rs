//! Times to the first token, as sums.

use serde::{Deserialize, Serialize};

/// Times to the first token of one class: enough for their mean and how far they are from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    count: u32,
    /// In microseconds.
    sum: f64,
    /// In microseconds squared.
    squares: f64,
}

impl Samples {
    /// One more, in microseconds.
    pub fn add(&mut self, micros: u64) {
        let micros = micros as f64;
        self.count = self.count.saturating_add(1);
        self.sum += micros;
        self.squares += micros * micros;
    }

    /// All of `other` too.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Their sum in microseconds.
    #[must_use]
    pub const fn sum_us(&self) -> f64 {
        self.sum
    }

    /// Their mean in microseconds, and the standard error of that mean; `None` when there are none.
    #[must_use]
    pub fn mean(&self) -> Option<(f64, f64)> {
        let count = f64::from(self.count);
        (self.count > 0).then(|| {
            let mean = self.sum / count;
            let variance = (self.squares / count - mean * mean).max(0.0);
            (mean, (variance / count).sqrt())
        })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn mean_and_its_error() {
        assert_eq!(Samples::default().mean(), None);
        let (mut one, mut other) = (Samples::default(), Samples::default());
        [10, 20].into_iter().for_each(|micros| one.add(micros));
        [30, 40].into_iter().for_each(|micros| other.add(micros));
        one.merge(&other);
        let (mean, error) = one.mean().unwrap();
        assert_eq!((one.count(), one.sum_us(), mean), (4, 100.0, 25.0));
        assert!((error - 125f64.sqrt() / 2.0).abs() < 1e-9);
    }
}
