//! What is asked for, in which order, and how large the answers are.

use spillway_primitives::rng_from;

use crate::draw::{Zipf, log_normal};

/// Keys that come again.
const KEYS: u32 = 100_000;
/// By which law.
const EXPONENT: f64 = 0.9;
/// After so many requests a scan begins.
const BETWEEN_SCANS: usize = 8_000;
/// So many keys long, none of which ever comes again.
const SCAN: usize = 2_000;
/// Bytes of an answer, in the mean.
pub(super) const MEAN_BYTES: u32 = 4_096;

/// How large answers are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sizes {
    Equal,
    /// Log-normal: the standard deviation of the logarithm.
    Mixed(f64),
}

/// What the traces are called.
pub(super) const SIZES: [(&str, Sizes); 2] =
    [("equal sizes", Sizes::Equal), ("mixed sizes", Sizes::Mixed(1.0))];

/// Requests for keys, which are small numbers.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) requests: Vec<u32>,
    /// Of the answer to each key.
    pub(super) sizes: Vec<u32>,
}

impl Trace {
    pub(super) fn new(seed: u64, requests: usize, sizes: Sizes) -> Self {
        let mut rng = rng_from(&[seed, 1]);
        let law = Zipf::new(KEYS, EXPONENT);
        let mut once = KEYS;
        let requests: Vec<u32> = (0..requests)
            .map(|number| {
                if number % (BETWEEN_SCANS + SCAN) < BETWEEN_SCANS {
                    law.draw(&mut rng) as u32
                } else {
                    once += 1;
                    once - 1
                }
            })
            .collect();
        let mut rng = rng_from(&[seed, 2]);
        let size = |_| match sizes {
            Sizes::Equal => MEAN_BYTES,
            Sizes::Mixed(sigma) => log_normal(f64::from(MEAN_BYTES), sigma, &mut rng).max(1.0) as u32,
        };
        Self { requests, sizes: (0..once).map(size).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_requests_never_comes_again() {
        let trace = Trace::new(1, 50_000, Sizes::Mixed(1.0));
        let once = trace.requests.iter().filter(|key| **key >= KEYS).count();
        assert_eq!((once, trace.sizes.len()), (10_000, KEYS as usize + 10_000));
        let mean = trace.sizes.iter().map(|size| f64::from(*size)).sum::<f64>() / trace.sizes.len() as f64;
        assert!((mean / f64::from(MEAN_BYTES) - 1.0).abs() < 0.05, "{mean}");
    }
}
