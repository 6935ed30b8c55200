//! Which circuits of a pool are open, and the limit on how many.
//!
//! When everything fails at once the fault is most likely not the endpoints'. A breaker that isolates all of them
//! turns a bad minute into an outage, so it never isolates more than a set share: the circuits beyond it stay closed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The circuits of a pool that are not closed, as (place, model); model 0 is the endpoint as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolated {
    circuits: BTreeSet<(u32, u32)>,
}

impl Isolated {
    /// Takes in a circuit, if its pool of `members` endpoints then still has no more than `max_percent` of them
    /// isolated, for every model. A circuit that is in already is welcome.
    pub fn admit(&mut self, place: u32, model: u32, members: usize, max_percent: u32) -> bool {
        if self.circuits.contains(&(place, model)) {
            return true;
        }
        self.circuits.insert((place, model));
        let most = members as u128 * u128::from(max_percent.min(100)) / 100;
        let models: BTreeSet<u32> = self.circuits.iter().map(|(_, model)| *model).collect();
        let fits = models.into_iter().all(|model| self.places(model).len() as u128 <= most);
        if !fits {
            self.circuits.remove(&(place, model));
        }
        fits
    }

    /// Lets a circuit go. False if it was not in.
    pub fn release(&mut self, place: u32, model: u32) -> bool {
        self.circuits.remove(&(place, model))
    }

    /// Keeps the circuits for which `keep(place, model)` holds. True if any was let go.
    pub fn retain(&mut self, keep: impl Fn(u32, u32) -> bool) -> bool {
        let before = self.circuits.len();
        self.circuits.retain(|(place, model)| keep(*place, *model));
        self.circuits.len() != before
    }

    /// Endpoints that are isolated for a model: for it, or as a whole.
    #[must_use]
    pub fn places(&self, model: u32) -> BTreeSet<u32> {
        self.circuits.iter().filter(|(_, of)| *of == model || *of == 0).map(|(place, _)| *place).collect()
    }

    /// How many circuits are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.circuits.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.circuits.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(members: usize, percent: u32, expected: usize) {
        let mut isolated = Isolated::default();
        let admitted = (0..20).filter(|place| isolated.admit(*place, 0, members, percent)).count();
        assert_eq!(admitted, expected, "{percent} % of {members}");
    }

    #[test]
    fn never_more_than_the_share() {
        check(10, 50, 5);
        check(3, 50, 1);
        check(1, 50, 0);
        check(1, 100, 1);
        check(10, 0, 0);
        check(0, 100, 0);
        check(10, 300, 10);
    }

    #[test]
    fn who_is_in_stays_in_and_makes_room_when_let_go() {
        let mut isolated = Isolated::default();
        assert!(isolated.admit(1, 0, 2, 50));
        assert!(isolated.admit(1, 0, 2, 50));
        assert!(!isolated.admit(2, 0, 2, 50));
        assert!(isolated.release(1, 0));
        assert!(!isolated.release(1, 0));
        assert!(isolated.admit(2, 0, 2, 50));
        assert!(isolated.retain(|place, _| place != 2));
        assert!(isolated.is_empty());
    }

    #[test]
    fn an_endpoint_as_a_whole_counts_for_every_model() {
        let mut isolated = Isolated::default();
        assert!(isolated.admit(1, 7, 4, 50));
        assert!(isolated.admit(2, 7, 4, 50));
        assert!(!isolated.admit(3, 0, 4, 50), "model 7 would lose a third one");
        assert!(isolated.admit(2, 0, 4, 50), "of that one model 7 is isolated already");
        assert!(isolated.admit(3, 8, 4, 50), "another model has one more to lose");
        assert!(!isolated.admit(4, 8, 4, 50));
    }

    proptest! {
        #[test]
        fn the_limit_holds_for_every_model_whatever_comes(
            steps in proptest::collection::vec((0u32..12, 0u32..4, proptest::bool::ANY), 0..200),
            members in 0usize..12, percent in 0u32..120,
        ) {
            let mut isolated = Isolated::default();
            for (place, model, enter) in steps {
                if enter { isolated.admit(place, model, members, percent); } else { isolated.release(place, model); }
                for model in 0..4 {
                    prop_assert!(isolated.places(model).len() * 100 <= members * percent.min(100) as usize);
                }
            }
        }
    }
}
