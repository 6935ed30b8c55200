//! How likely tokens are: log-softmax of the scores as the model gave them.

/// A token and the natural logarithm of its probability.
pub(super) type Ranked = (u32, f32);

/// The token that was taken, and the `most` likeliest ones in order; of equal ones those with the smaller numbers. Scores
/// that are no numbers do not count.
#[expect(clippy::cast_possible_truncation, reason = "scores are 32-bit floats, more is of no use")]
pub(super) fn rank(scores: &[f32], taken: u32, most: usize) -> (Ranked, Vec<Ranked>) {
    let mut ranked: Vec<Ranked> =
        (0..).zip(scores.iter().copied()).filter(|(_, score)| !score.is_nan()).collect();
    let best = ranked.iter().map(|(_, score)| *score).fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = ranked.iter().map(|(_, score)| f64::from((score - best).exp())).sum();
    let logprob = |score: f32| (f64::from(score - best) - sum.ln()) as f32;
    let of_taken = scores.get(taken as usize).map_or(f32::NEG_INFINITY, |score| logprob(*score));
    let order = |(a, a_score): &Ranked, (b, b_score): &Ranked| b_score.total_cmp(a_score).then(a.cmp(b));
    if most < ranked.len() {
        ranked.select_nth_unstable_by(most, order);
        ranked.truncate(most);
    }
    ranked.sort_unstable_by(order);
    ranked.iter_mut().for_each(|(_, score)| *score = logprob(*score));
    ((taken, of_taken), ranked)
}

#[cfg(test)]
mod tests {
    use super::rank;

    /// Probabilities in thousandths.
    fn thousandths(scores: &[f32], taken: u32, most: usize) -> (i64, Vec<(u32, i64)>) {
        let share = |logprob: f32| (f64::from(logprob).exp() * 1000.0).round() as i64;
        let ((_, of_taken), top) = rank(scores, taken, most);
        (share(of_taken), top.into_iter().map(|(token, logprob)| (token, share(logprob))).collect())
    }

    #[test]
    fn probabilities_are_those_of_all_tokens() {
        let scores = [0.6_f32.ln() + 7.0, 0.3_f32.ln() + 7.0, 0.1_f32.ln() + 7.0];
        assert_eq!(thousandths(&scores, 2, 2), (100, vec![(0, 600), (1, 300)]));
        assert_eq!(thousandths(&scores, 0, 0), (600, vec![]));
        assert_eq!(thousandths(&scores, 1, 9), (300, vec![(0, 600), (1, 300), (2, 100)]));
    }

    #[test]
    fn of_equal_tokens_the_first_comes_first() {
        assert_eq!(thousandths(&[1.0, 2.0, 2.0, 2.0], 2, 2).1, [(1, 297), (2, 297)]);
    }

    #[test]
    fn scores_far_apart_and_strange_ones() {
        assert_eq!(rank(&[1e30, -1e30], 0, 1), ((0, 0.0), vec![(0, 0.0)]));
        assert_eq!(rank(&[f32::NAN, 3.0, f32::NEG_INFINITY], 2, 5).0, (2, f32::NEG_INFINITY));
        assert_eq!(thousandths(&[f32::NAN, 3.0], 1, 5), (1000, vec![(1, 1000)]));
        assert_eq!(rank(&[], 0, 5), ((0, f32::NEG_INFINITY), vec![]));
    }
}
