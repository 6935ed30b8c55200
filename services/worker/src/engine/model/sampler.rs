//! From scores to the next token.

use spillway_primitives::{Rng, rng_from};

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampling {
    /// 0 to 2; 0 takes the likeliest token.
    pub(super) temperature: f64,
    /// 0 to 1: only the likeliest tokens that together have this probability are candidates.
    pub(super) top_p: f64,
    pub(super) seed: [u64; 2],
}

/// Chooses tokens for one answer.
#[derive(Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    rng: Rng,
}

/// A token and what it weighs; only ratios count.
type Candidate = (u32, f32);

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { rng: rng_from(&sampling.seed), sampling }
    }

    /// The next token. `None` when there are no scores, or none of them is a number.
    pub(super) fn next(&mut self, scores: &[f32]) -> Option<u32> {
        let best = likeliest(scores)?;
        if self.sampling.temperature <= 0.0 || self.sampling.top_p <= 0.0 {
            return Some(best.0);
        }
        let mut candidates = weigh(scores, best.1, self.sampling.temperature);
        if self.sampling.top_p < 1.0 {
            keep_likeliest(&mut candidates, self.sampling.top_p);
        }
        Some(self.draw(&candidates).unwrap_or(best.0))
    }

    fn draw(&mut self, candidates: &[Candidate]) -> Option<u32> {
        let mut left = total(candidates) * self.rng.f64();
        for (token, weight) in candidates {
            left -= f64::from(*weight);
            if left < 0.0 {
                return Some(*token);
            }
        }
        candidates.last().map(|(token, _)| *token)
    }
}

fn likeliest(scores: &[f32]) -> Option<Candidate> {
    let numbers = (0..).zip(scores).filter(|(_, score)| !score.is_nan());
    numbers.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(token, score)| (token, *score))
}

/// Softmax without its divisor, the likeliest at 1. Tokens that weigh next to nothing are left out.
fn weigh(scores: &[f32], best: f32, temperature: f64) -> Vec<Candidate> {
    const NEXT_TO_NOTHING: f32 = 1e-8;
    #[expect(clippy::cast_possible_truncation, reason = "scores are 32-bit floats, more is of no use")]
    let sharpness = (1.0 / temperature) as f32;
    let weights = (0..).zip(scores).map(|(token, score)| (token, ((score - best) * sharpness).exp()));
    weights.filter(|(_, weight)| *weight > NEXT_TO_NOTHING).collect()
}

/// The smallest number of tokens that together have this share (nucleus sampling, Holtzman et al. 2019).
fn keep_likeliest(candidates: &mut Vec<Candidate>, share: f64) {
    candidates.sort_unstable_by(|(_, a), (_, b)| b.total_cmp(a));
    let wanted = total(candidates) * share;
    let mut sum = 0.0;
    let kept = candidates.iter().take_while(|(_, weight)| {
        let is_wanted = sum < wanted;
        sum += f64::from(*weight);
        is_wanted
    });
    let kept = kept.count().max(1);
    candidates.truncate(kept);
}

fn total(candidates: &[Candidate]) -> f64 {
    candidates.iter().map(|(_, weight)| f64::from(*weight)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(temperature: f64, top_p: f64, seed: u64) -> Sampler {
        Sampler::new(Sampling { temperature, top_p, seed: [seed, 0] })
    }

    /// How often each of four tokens comes in 10,000 draws, in percent. Their probabilities are 60, 30, 10 and 0.
    fn shares(temperature: f64, top_p: f64) -> [u32; 4] {
        let scores = [0.6_f32.ln(), 0.3_f32.ln(), 0.1_f32.ln(), f32::NEG_INFINITY];
        let mut sampler = sampler(temperature, top_p, 7);
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            counts[sampler.next(&scores).unwrap() as usize] += 1;
        }
        counts.map(|count| (count + 50) / 100)
    }

    #[track_caller]
    fn check(temperature: f64, top_p: f64, expected: [u32; 4]) {
        let shares = shares(temperature, top_p);
        let near = shares.iter().zip(expected).all(|(share, expected)| share.abs_diff(expected) <= 2);
        assert!(near, "{shares:?}, expected about {expected:?}");
    }

    #[test]
    fn shares_follow_temperature_and_top_p() {
        check(1.0, 1.0, [60, 30, 10, 0]);
        check(0.0, 1.0, [100, 0, 0, 0]);
        check(0.5, 1.0, [78, 20, 2, 0]);
        check(2.0, 1.0, [47, 33, 19, 0]);
        check(1.0, 0.0, [100, 0, 0, 0]);
        check(1.0, 0.6, [100, 0, 0, 0]);
        check(1.0, 0.7, [67, 33, 0, 0]);
        check(1.0, 0.95, [60, 30, 10, 0]);
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let scores: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let draw = |seed| {
            let mut sampler = sampler(1.0, 1.0, seed);
            (0..20).map(|_| sampler.next(&scores)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn scores_that_are_no_numbers_are_passed_over() {
        assert_eq!(sampler(1.0, 1.0, 1).next(&[]), None);
        assert_eq!(sampler(1.0, 1.0, 1).next(&[f32::NAN]), None);
        assert_eq!(sampler(1.0, 1.0, 1).next(&[f32::NAN, 3.0]), Some(1));
    }
}
