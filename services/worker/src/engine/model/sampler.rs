//! From scores to the next token.

use spillway_inference::request::Sampling;
use spillway_primitives::{Rng, rng_from};
use std::collections::HashMap;

/// Chooses tokens for one answer. What it chooses follows from the scores and the seed alone.
#[derive(Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    rng: Rng,
    /// Tokens that penalties apply to, and how often each was generated.
    seen: HashMap<u32, u32>,
}

/// A token and what it weighs; only ratios count.
type Candidate = (u32, f32);

impl Sampler {
    pub(super) fn new(sampling: Sampling, seed: [u64; 2], prompt: &[u32]) -> Self {
        let mut seen = HashMap::new();
        if sampling.repetition_penalty != 1.0 {
            seen.extend(prompt.iter().map(|token| (*token, 0)));
        }
        Self { rng: rng_from(&seed), sampling, seen }
    }

    /// The next token. `None` when there are no scores, or none of them is a number.
    pub(super) fn next(&mut self, scores: &mut [f32]) -> Option<u32> {
        for (token, times) in &self.seen {
            if let Some(score) = scores.get_mut(*token as usize) {
                *score = penalised(*score, *times, &self.sampling);
            }
        }
        let token = self.choose(scores)?;
        if has_penalties(&self.sampling) {
            *self.seen.entry(token).or_default() += 1;
        }
        Some(token)
    }

    fn choose(&mut self, scores: &[f32]) -> Option<u32> {
        let best = likeliest(scores)?;
        if self.sampling.temperature <= 0.0 || self.sampling.top_p <= 0.0 {
            return Some(best.0);
        }
        let mut candidates = weigh(scores, best.1, self.sampling.temperature);
        if let Some(most) = self.sampling.top_k {
            keep_most(&mut candidates, usize::try_from(most).unwrap_or(usize::MAX));
        }
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

fn has_penalties(sampling: &Sampling) -> bool {
    let Sampling { repetition_penalty, presence_penalty, frequency_penalty, .. } = *sampling;
    repetition_penalty != 1.0 || presence_penalty != 0.0 || frequency_penalty != 0.0
}

/// The score of a token that was generated so many times, or is in the prompt.
#[expect(clippy::cast_possible_truncation, reason = "scores are 32-bit floats, more is of no use")]
fn penalised(score: f32, times: u32, sampling: &Sampling) -> f32 {
    let repetition = sampling.repetition_penalty as f32;
    let score = if score > 0.0 { score / repetition } else { score * repetition };
    let present = f64::from(u32::from(times > 0));
    score - (sampling.presence_penalty * present + sampling.frequency_penalty * f64::from(times)) as f32
}

/// Of equal ones that with the smaller number.
fn likeliest(scores: &[f32]) -> Option<Candidate> {
    let numbers = (0..).zip(scores.iter().copied()).filter(|(_, score)| !score.is_nan());
    numbers.reduce(|best, other| if other.1.total_cmp(&best.1).is_gt() { other } else { best })
}

/// Softmax without its divisor, the likeliest at 1. Tokens that weigh next to nothing are left out.
fn weigh(scores: &[f32], best: f32, temperature: f64) -> Vec<Candidate> {
    const NEXT_TO_NOTHING: f32 = 1e-8;
    #[expect(clippy::cast_possible_truncation, reason = "scores are 32-bit floats, more is of no use")]
    let sharpness = (1.0 / temperature) as f32;
    let weights = (0..).zip(scores).map(|(token, score)| (token, ((score - best) * sharpness).exp()));
    weights.filter(|(_, weight)| *weight > NEXT_TO_NOTHING).collect()
}

/// The `most` likeliest tokens; of equal ones those with the smaller numbers.
fn keep_most(candidates: &mut Vec<Candidate>, most: usize) {
    if most < candidates.len() {
        let order = |(a, a_weight): &Candidate, (b, b_weight): &Candidate| {
            b_weight.total_cmp(a_weight).then(a.cmp(b))
        };
        candidates.select_nth_unstable_by(most, order);
        candidates.truncate(most);
        candidates.sort_unstable_by_key(|(token, _)| *token);
    }
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
        Sampler::new(Sampling { temperature, top_p, ..Sampling::default() }, [seed, 0], &[])
    }

    /// How often each of four tokens comes in 10,000 draws, in percent. Their probabilities are 60, 30, 10 and 0.
    fn shares(temperature: f64, top_p: f64) -> [u32; 4] {
        let scores = [0.6_f32.ln(), 0.3_f32.ln(), 0.1_f32.ln(), f32::NEG_INFINITY];
        let mut sampler = sampler(temperature, top_p, 7);
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            counts[sampler.next(&mut scores.clone()).unwrap() as usize] += 1;
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
            (0..20).map(|_| sampler.next(&mut scores.clone())).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn scores_that_are_no_numbers_are_passed_over() {
        assert_eq!(sampler(1.0, 1.0, 1).next(&mut []), None);
        assert_eq!(sampler(1.0, 1.0, 1).next(&mut [f32::NAN]), None);
        assert_eq!(sampler(1.0, 1.0, 1).next(&mut [f32::NAN, 3.0]), Some(1));
    }

    #[test]
    fn of_equal_tokens_the_first_is_taken() {
        assert_eq!(sampler(0.0, 1.0, 1).next(&mut [1.0, 2.0, 2.0]), Some(1));
    }

    #[test]
    fn only_the_k_likeliest_are_considered() {
        let sampling = Sampling { temperature: 2.0, top_k: Some(2), ..Sampling::default() };
        let mut sampler = Sampler::new(sampling, [1, 0], &[]);
        let mut drawn = [0; 4];
        (0..200).for_each(|_| drawn[sampler.next(&mut [1.0, 3.0, 2.0, 2.0]).unwrap() as usize] += 1);
        assert!(drawn[0] == 0 && drawn[1] > 0 && drawn[2] > 0 && drawn[3] == 0, "{drawn:?}");
    }

    /// The tokens that are taken one after the other where the scores stay the same.
    #[track_caller]
    fn takes(sampling: Sampling, prompt: &[u32], expected: &[u32]) {
        let mut sampler = Sampler::new(Sampling { temperature: 0.0, ..sampling }, [1, 0], prompt);
        let taken: Vec<_> =
            expected.iter().map(|_| sampler.next(&mut [3.0, 2.0, 1.4, -1.0]).unwrap()).collect();
        assert_eq!(taken, expected, "{sampling:?}");
    }

    #[test]
    fn penalties_are_for_what_was_there() {
        let usual = Sampling::default();
        takes(usual, &[0], &[0, 0, 0]);
        takes(Sampling { repetition_penalty: 2.0, ..usual }, &[], &[0, 1, 0, 0]);
        takes(Sampling { repetition_penalty: 2.0, ..usual }, &[0], &[1, 0, 0, 0]);
        takes(Sampling { presence_penalty: 1.5, ..usual }, &[0], &[0, 1, 0, 0]);
        takes(Sampling { frequency_penalty: 0.75, ..usual }, &[0], &[0, 0, 1, 0, 2]);
        takes(Sampling { presence_penalty: -1.0, ..usual }, &[], &[0, 0]);
    }
}
