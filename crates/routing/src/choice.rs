//! Picking among a few candidates, at random and by chance.
//!
//! Never plain argmax: between two looks at the load every Envoy worker would send to the same best endpoint. And
//! never all endpoints: the cost of a decision must not grow with their number, so a large pool is sampled
//! (the idea of "power of two choices", Mitzenmacher 2001).

use spillway_primitives::Rng;

/// The most candidates that one decision looks at, in its own zone and in others each.
pub const MAX_CANDIDATES: usize = 8;

/// As many as two samples hold.
const MAX_FEW: usize = 2 * MAX_CANDIDATES;

/// A few places, in order. Lives on the stack: a decision allocates nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Few {
    places: [u32; MAX_FEW],
    len: usize,
}

impl Few {
    /// None.
    pub const EMPTY: Self = Self { places: [0; MAX_FEW], len: 0 };

    /// The places, first to last.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        self.places.get(..self.len).unwrap_or_default()
    }

    /// The first place.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.as_slice().first().copied()
    }

    /// Appends a place, unless it is there already or there is no room.
    pub(crate) fn push(&mut self, place: u32) {
        if self.as_slice().contains(&place) {
            return;
        }
        if let Some(cell) = self.places.get_mut(self.len) {
            *cell = place;
            self.len += 1;
        }
    }

    /// These places behind `first`, at most `len` of them all.
    #[must_use]
    pub fn with_first(self, first: u32, len: usize) -> Self {
        let mut few = Self::EMPTY;
        few.push(first);
        self.as_slice().iter().for_each(|place| few.push(*place));
        few.truncate(len);
        few
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Makes the place at `from` the one at `to`; those from `to` on move back by one.
    pub(crate) fn bring_forward(&mut self, from: usize, to: usize) {
        if from < self.len
            && let Some(range) = self.places.get_mut(to..=from)
        {
            range.rotate_right(1);
        }
    }
}

/// `wanted` distinct places out of `0..total`, each set equally likely; all of them when there are no more.
///
/// Floyd's sampling (Bentley & Floyd 1987): `wanted` random numbers, whatever `total` is. `wanted` is held to
/// [`MAX_CANDIDATES`].
#[must_use]
pub fn sample(total: u32, wanted: usize, rng: &mut Rng) -> Few {
    let wanted = u32::try_from(wanted.min(MAX_CANDIDATES)).unwrap_or(0).min(total);
    let mut few = Few::default();
    if wanted == total {
        (0..total).for_each(|place| few.push(place));
        return few;
    }
    for top in total - wanted..total {
        let place = rng.u32(0..=top);
        few.push(if few.as_slice().contains(&place) { top } else { place });
    }
    few
}

/// The candidates in the order in which to try them: each place by a draw among those that are left,
/// in proportion to their chances.
///
/// `chances` runs beside `candidates`; a chance that is missing, negative or not a number counts as zero, and
/// candidates without a chance come last.
#[must_use]
pub fn order(candidates: Few, chances: &[f64], rng: &mut Rng) -> Few {
    let mut weights = [0.0_f64; MAX_FEW];
    for (weight, chance) in weights.iter_mut().zip(chances).take(candidates.len) {
        *weight = if chance.is_finite() { chance.max(0.0) } else { 0.0 };
    }
    let mut left = [true; MAX_FEW];
    let mut ordered = Few::default();
    for _ in 0..candidates.len {
        let total: f64 = weights.iter().zip(left).filter(|(_, left)| *left).map(|(weight, _)| weight).sum();
        let mut threshold = rng.f64() * total;
        let mut chosen = None;
        for (at, weight) in weights.iter().enumerate().take(candidates.len) {
            if !left.get(at).copied().unwrap_or(false) {
                continue;
            }
            // The last one that is left is chosen whatever rounding did to the sum.
            chosen = Some(at);
            if *weight > 0.0 && threshold < *weight {
                break;
            }
            threshold -= weight;
        }
        let Some(at) = chosen else { break };
        if let (Some(flag), Some(place)) = (left.get_mut(at), candidates.as_slice().get(at)) {
            *flag = false;
            ordered.push(*place);
        }
    }
    ordered
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
