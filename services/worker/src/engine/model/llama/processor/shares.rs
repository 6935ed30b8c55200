//! Scores to shares: softmax.

/// Numbers that are worked on side by side, so that none waits for the one before.
const LANES: usize = 16;

/// The first `seen` scores become shares that add up to 1, the others 0. There are whole multiples of 16 of them.
#[inline(always)]
pub(super) fn into_shares(scores: &mut [f32], seen: usize) {
    let (begin, behind) = scores.split_at_mut_checked(seen).unwrap_or_default();
    let most = begin.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    begin.iter_mut().for_each(|score| *score = exp(*score - most));
    behind.fill(0.0);
    let (lanes, _) = scores.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for lane in &*lanes {
        sums.iter_mut().zip(lane).for_each(|(sum, share)| *sum += share);
    }
    let per_sum = 1.0 / sums.iter().sum::<f32>();
    lanes.as_flattened_mut().iter_mut().for_each(|share| *share *= per_sum);
}

/// The exponential of a number that is not above 0, right to a few units in the last place. The library's function takes one
/// number at a time; this one is plain arithmetic, of which the compiler makes one for whole registers.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Added to a number so large that its last bit is worth 1, a number is rounded to a whole one, which is in the last bits.
    const LARGE: f32 = 12_582_912.0;
    /// The natural logarithm of 2, in two parts of which the first one has few bits.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Below that it is no normal number.
    let x = x.max(-87.0);
    let rounded = x * std::f32::consts::LOG2_E + LARGE;
    let halvings = rounded - LARGE;
    let rest = x - halvings * LN_2[0] - halvings * LN_2[1];
    // The beginning of its series; the rest is at most 0.35, so what is left out is less than 1e-8.
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let of_rest = series.into_iter().fold(1.0 / 5040.0, |sum, term| sum * rest + term);
    of_rest * f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for step in 0..8_700_u16 {
            let x = -f32::from(step) / 100.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 5e-7, "{x}: {found}, expected {expected}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!((exp(0.0) - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn shares_add_up_to_one_and_follow_the_scores() {
        for seen in [1, 15, 16, 17, 31, 32] {
            let mut shares: Vec<f32> = (0..32_u8).map(|i| f32::from(i % 7) + 100.0).collect();
            let scores = shares.clone();
            into_shares(&mut shares, seen);
            let (sum, most): (f32, f32) =
                (shares.iter().sum(), scores[..seen].iter().fold(0.0, |a, b| a.max(*b)));
            assert!((sum - 1.0).abs() < 1e-6, "{seen}: {sum}");
            assert!(shares[seen..].iter().all(|share| *share == 0.0));
            let best = shares[..seen].iter().fold(0.0_f32, |a, b| a.max(*b));
            for (share, score) in shares[..seen].iter().zip(&scores) {
                assert!((share / best - (score - most).exp()).abs() < 1e-6);
            }
        }
    }
}
