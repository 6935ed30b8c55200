//! How many tokens of each text a step reads.

/// Tokens of prompts that a step reads beside texts that are generated. More would make these wait for longer at a time;
/// with less a prompt takes longer.
const READ_BESIDE: usize = 16;
/// And where nothing is generated.
const READ_ALONE: usize = 64;

/// For texts of which so many tokens are left to read, each at least one: how many the next step reads of each.
///
/// A text of which one is left is generated, and has its turn in every step. The others share what a step may read of
/// prompts, evenly, so that a short prompt does not wait for a long one.
pub(super) fn plan(left: &[usize]) -> Vec<usize> {
    let mut plan = vec![1; left.len()];
    let reading = left.iter().filter(|left| **left > 1).count();
    let mut budget = if reading == left.len() { READ_ALONE } else { READ_BESIDE };
    let mut order: Vec<usize> =
        (0..left.len()).filter(|at| left.get(*at).is_some_and(|left| *left > 1)).collect();
    // Those that need the least leave the rest of their part to the others.
    order.sort_by_key(|at| left.get(*at));
    for (done, at) in order.into_iter().enumerate() {
        let part = (budget / (reading - done).max(1)).max(1);
        if let (Some(rows), Some(left)) = (plan.get_mut(at), left.get(at)) {
            *rows = part.min(*left);
            budget = budget.saturating_sub(*rows);
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prompts_share_what_a_step_reads() {
        for (left, expected) in [
            (&[1, 1, 1][..], &[1, 1, 1][..]),
            (&[1, 500, 1], &[1, 16, 1]),
            (&[1, 500, 500], &[1, 8, 8]),
            (&[1, 500, 3], &[1, 13, 3]),
            (&[500], &[64]),
            (&[500, 10], &[54, 10]),
            (&[40], &[40]),
            (&[], &[]),
        ] {
            assert_eq!(plan(left), expected, "{left:?}");
        }
    }

    proptest! {
        #[test]
        fn everybody_gets_on_and_a_step_is_bounded(left in proptest::collection::vec(1_usize..2_000, 0..40)) {
            let plan = plan(&left);
            prop_assert!(plan.iter().zip(&left).all(|(rows, left)| (1..=*left).contains(rows)));
            prop_assert!(plan.iter().sum::<usize>() <= READ_ALONE.max(READ_BESIDE + left.len()));
        }
    }
}
