//! Draws from distributions, made of the seeded generator that the decisions use as well.
//!
//! They go through the platform's logarithm, so a run is the same byte for byte on one platform, not across them.

use spillway_primitives::Rng;

/// From an exponential distribution with that mean.
pub fn exponential(mean: f64, rng: &mut Rng) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}

/// From a log-normal distribution with that mean; `sigma` is the standard deviation of its logarithm.
pub fn log_normal(mean: f64, sigma: f64, rng: &mut Rng) -> f64 {
    // Box and Muller 1958.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * rng.f64()).cos();
    mean * (sigma * normal - sigma * sigma / 2.0).exp()
}

/// Zipf's law: of `count` things the n-th is drawn in proportion to 1 / nˢ.
#[derive(Clone, Debug)]
pub struct Zipf {
    /// Running sums of the shares; the last is 1.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Over `count` things, at least one, with the exponent `s`.
    #[must_use]
    pub fn new(count: u32, s: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=count.max(1))
            .map(|rank| {
                sum += f64::from(rank).powf(-s);
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|share| *share /= sum);
        Self { cumulative }
    }

    /// One of them, from 0, the most frequent.
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        let at = rng.f64();
        self.cumulative.partition_point(|share| *share <= at).min(self.cumulative.len() - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_primitives::rng_from;

    const DRAWS: u32 = 100_000;

    #[track_caller]
    fn has_mean(expected: f64, mut draw: impl FnMut(&mut Rng) -> f64) {
        let mut rng = rng_from(&[7]);
        let mean = (0..DRAWS).map(|_| draw(&mut rng)).sum::<f64>() / f64::from(DRAWS);
        assert!((mean / expected - 1.0).abs() < 0.02, "{mean}, expected {expected}");
    }

    #[test]
    fn means() {
        has_mean(3.0, |rng| exponential(3.0, rng));
        has_mean(9.0, |rng| exponential(3.0, rng).powi(2) / 2.0);
        has_mean(3.0, |rng| log_normal(3.0, 0.8, rng));
        has_mean(3.0, |rng| log_normal(3.0, 0.0, rng));
    }

    #[test]
    fn the_second_is_half_as_frequent_as_the_first() {
        let zipf = Zipf::new(100, 1.0);
        let mut rng = rng_from(&[7]);
        let mut counts = vec![0_u32; 100];
        (0..DRAWS).for_each(|_| counts[zipf.draw(&mut rng) as usize] += 1);
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((1.9..=2.1).contains(&ratio), "{ratio}");
        assert!(counts.iter().all(|count| *count > 0));
    }
}
