//! The same conversation to the same endpoint: consistent hashing with bounded loads.
//!
//! An engine that has computed a prompt's prefix before need not do so again, so requests with the same prefix (or
//! of the same session) should meet the same endpoint. Each endpoint has some points on a ring of hashes; a request
//! goes to the endpoint of the next point after its own hash (Karger et al. 1997). So that a popular prefix does not
//! overload one endpoint, an endpoint that has much more in flight than the mean is passed over for the next one on
//! the ring (Mirrokni, Thorup and Zadimoghaddam 2016, "Consistent Hashing with Bounded Loads").
//!
//! Every Envoy builds the same ring, because points follow from addresses alone.

use spillway_primitives::rng_from;

/// Points of one endpoint while there are few endpoints; with more of them the ring evens out by itself.
const POINTS: usize = 64;
/// The most points of a ring, so that building it anew stays cheap with thousands of endpoints.
const MAX_POINTS: usize = 16_384;

/// A ring of endpoints.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// Key and place of each endpoint, by which a change is noticed.
    members: Vec<(u64, u32)>,
    /// Position and place, by position.
    points: Vec<(u64, u32)>,
}

impl Ring {
    /// Makes `members`, as (key of the address, place), the ring's. Costs nothing when they are the same as before.
    pub fn set(&mut self, members: impl Iterator<Item = (u64, u32)> + Clone) {
        if self.members.iter().copied().eq(members.clone()) {
            return;
        }
        self.members = members.collect();
        let each = (MAX_POINTS / self.members.len().max(1)).clamp(1, POINTS);
        self.points.clear();
        for (key, place) in &self.members {
            let mut positions = rng_from(&[*key]);
            self.points.extend((0..each).map(|_| (positions.u64(..), *place)));
        }
        self.points.sort_unstable();
    }

    /// The endpoints from `hash` on round the ring, each once while neighbours differ; ends after one round.
    pub fn from(&self, hash: u64) -> impl Iterator<Item = u32> {
        let start = self.points.partition_point(|(position, _)| *position < hash);
        let (before, after) = self.points.split_at_checked(start).unwrap_or((&self.points, &[]));
        let mut last = None;
        after
            .iter()
            .chain(before)
            .map(|(_, place)| *place)
            .filter(move |place| last.replace(*place) != Some(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn ring(places: impl Iterator<Item = u32> + Clone) -> Ring {
        let mut ring = Ring::default();
        ring.set(places.map(|place| (u64::from(place) * 7_919 + 13, place)));
        ring
    }

    fn homes(ring: &Ring) -> Vec<u32> {
        let mut hashes = rng_from(&[1]);
        (0..10_000).map(|_| ring.from(hashes.u64(..)).next().unwrap()).collect()
    }

    #[test]
    fn requests_are_spread_over_all_endpoints() {
        let homes = homes(&ring(0..10));
        for place in 0..10 {
            let share = homes.iter().filter(|home| **home == place).count();
            assert!((600..=1_500).contains(&share), "{share} of 10000 at {place}");
        }
    }

    #[test]
    fn only_the_requests_of_an_endpoint_that_leaves_move() {
        let (with, without) = (homes(&ring(0..10)), homes(&ring((0..10).filter(|place| *place != 3))));
        for (before, after) in with.iter().zip(&without) {
            assert!(before == after || *before == 3);
            assert_ne!(*after, 3);
        }
    }

    #[test]
    fn the_walk_meets_everybody_and_ends() {
        let ring = ring(0..5);
        let mut met: Vec<u32> = ring.from(u64::MAX).collect();
        assert!(met.len() < 5 * POINTS + 1);
        met.sort_unstable();
        met.dedup();
        assert_eq!(met, [0, 1, 2, 3, 4]);
        assert_eq!(Ring::default().from(7).next(), None);
    }

    #[test]
    fn thousands_of_endpoints_have_a_bounded_ring() {
        assert_eq!(ring(0..8_192).points.len(), MAX_POINTS);
    }
}
