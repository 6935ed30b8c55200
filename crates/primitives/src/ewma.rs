//! An exponentially weighted moving average over integers.
//!
//! The average lives in an Envoy gauge, which is a `u64` that every Envoy worker reads and writes. So this is a
//! rule for the next value, not a cell: `next(old, sample)`. Integers make it the same on every machine.

/// The rule: `next = old + (sample − old) · weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ewma {
    weight_permille: u16,
}

impl Ewma {
    /// A rule that gives the newest sample `weight_permille` / 1000 of the say. Held to 1..=1000.
    #[must_use]
    pub const fn new(weight_permille: u16) -> Self {
        let weight_permille = match weight_permille {
            0 => 1,
            1..=1000 => weight_permille,
            _ => 1000,
        };
        Self { weight_permille }
    }

    /// The average after `sample`. With `old` absent the sample is the average.
    ///
    /// The result lies between `old` and `sample`, and moves by at least one unit while they differ, so that a
    /// small difference is not rounded away for ever.
    #[must_use]
    pub fn next(self, old: Option<u64>, sample: u64) -> u64 {
        let Some(old) = old else { return sample };
        let weight = u128::from(self.weight_permille);
        let blend = (u128::from(old) * (1000 - weight) + u128::from(sample) * weight) / 1000;
        let blend = u64::try_from(blend).unwrap_or(u64::MAX);
        match old.cmp(&sample) {
            std::cmp::Ordering::Less => blend.max(old.saturating_add(1)),
            std::cmp::Ordering::Equal => old,
            std::cmp::Ordering::Greater => blend.min(old - 1).max(sample),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_first_sample_is_the_average() {
        assert_eq!(Ewma::new(100).next(None, 7), 7);
    }

    #[test]
    fn weights_outside_the_range_are_held_to_it() {
        assert_eq!(Ewma::new(0), Ewma::new(1));
        assert_eq!(Ewma::new(2000), Ewma::new(1000));
        assert_eq!(Ewma::new(1000).next(Some(10), 90), 90);
    }

    proptest! {
        #[test]
        fn it_stays_between_and_arrives(old: u64, sample: u64, weight in 1u16..=1000) {
            let rule = Ewma::new(weight);
            let next = rule.next(Some(old), sample);
            prop_assert!(next >= old.min(sample) && next <= old.max(sample));
            prop_assert!(next != old || old == sample);
        }
    }
}
