//! Randomness with a seed that somebody else chose.
//!
//! `wasm32-unknown-unknown` has no entropy. A filter mixes what tells its VM from all others (time, context,
//! a shared counter) into a seed; a simulator and a test pass a constant.

/// The generator: `fastrand`'s wyrand, small and fast, not for secrets.
pub type Rng = fastrand::Rng;

/// A generator seeded from all of `parts`. The order counts; equal parts give equal sequences.
///
/// Each part is spread over the whole word (the finaliser of SplitMix64, Steele et al. 2014), because parts such
/// as context numbers differ only in their lowest bits.
#[must_use]
pub fn rng_from(parts: &[u64]) -> Rng {
    let seed = parts.iter().fold(0x9e37_79b9_7f4a_7c15_u64, |seed, part| spread(seed.rotate_left(23) ^ part));
    Rng::with_seed(seed)
}

const fn spread(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn neighbours_do_not_start_alike() {
        let firsts: Vec<u64> = (0..64).map(|context| rng_from(&[1_700_000_000, context]).u64(..)).collect();
        let mut distinct = firsts.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), firsts.len());
        let low = firsts.iter().filter(|first| **first < u64::MAX / 2).count();
        assert!((16..=48).contains(&low), "{low} of 64 first words are in the lower half");
    }

    #[test]
    fn the_same_parts_give_the_same_sequence_and_order_counts() {
        assert_eq!(rng_from(&[1, 2]).u64(..), rng_from(&[1, 2]).u64(..));
        assert_ne!(rng_from(&[1, 2]).u64(..), rng_from(&[2, 1]).u64(..));
    }
}
