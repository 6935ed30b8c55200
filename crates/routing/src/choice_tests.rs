use super::*;
use proptest::prelude::*;
use spillway_primitives::rng_from;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn every_place_is_sampled_equally_often() {
    let mut rng = rng_from(&[1]);
    let mut seen = [0u32; 10];
    for _ in 0..20_000 {
        for place in sample(10, 4, &mut rng).as_slice() {
            seen[*place as usize] += 1;
        }
    }
    assert!(seen.iter().all(|count| (7_600..=8_400).contains(count)), "{seen:?}");
}

#[test]
fn the_first_in_order_follows_the_scores() {
    let mut rng = rng_from(&[2]);
    let candidates = sample(3, 3, &mut rng);
    let mut first = [0u32; 3];
    for _ in 0..30_000 {
        first[order(candidates, &[3.0, 2.0, 1.0], &mut rng).as_slice()[0] as usize] += 1;
    }
    for (count, expected) in first.iter().zip([15_000, 10_000, 5_000]) {
        assert!(count.abs_diff(expected) < 500, "{first:?}");
    }
}

#[test]
fn scores_of_zero_come_last_and_nonsense_counts_as_zero() {
    let mut rng = rng_from(&[3]);
    let candidates = sample(4, 4, &mut rng);
    for _ in 0..200 {
        let ordered = order(candidates, &[f64::NAN, 1.0, -5.0, f64::INFINITY], &mut rng);
        assert_eq!(ordered.as_slice()[0], 1);
        assert_eq!(ordered.as_slice().len(), 4);
    }
}

#[test]
fn nothing_to_choose_from_is_an_empty_order() {
    let mut rng = rng_from(&[4]);
    assert!(sample(0, 4, &mut rng).as_slice().is_empty());
    assert!(order(Few::default(), &[], &mut rng).as_slice().is_empty());
}

proptest! {
    #[test]
    fn samples_are_distinct_and_in_range(total in 0u32..5_000, wanted in 0usize..20, seed: u64) {
        let few = sample(total, wanted, &mut rng_from(&[seed]));
        let mut places = few.as_slice().to_vec();
        prop_assert_eq!(places.len(), wanted.min(MAX_CANDIDATES).min(total as usize));
        prop_assert!(places.iter().all(|place| *place < total));
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(places.len(), few.as_slice().len());
    }

    #[test]
    fn an_order_is_a_permutation(total in 0u32..100, scores in proptest::collection::vec(-1.0f64..10.0, 0..8), seed: u64) {
        let mut rng = rng_from(&[seed]);
        let few = sample(total, MAX_CANDIDATES, &mut rng);
        let mut before = few.as_slice().to_vec();
        let mut after = order(few, &scores, &mut rng).as_slice().to_vec();
        before.sort_unstable();
        after.sort_unstable();
        prop_assert_eq!(before, after);
    }
}
