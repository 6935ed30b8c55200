//! The index of the response cache, as the filter uses it.

use spillway_caching::shelf::{self, Bounds, Entry, Prefix};
use spillway_primitives::{Timestamp, rng_from};

use super::Cache;

pub(super) struct Shelf {
    sets: Vec<Vec<u8>>,
    bounds: Bounds,
    /// The set and the prefix of each key.
    keys: Vec<(u32, Prefix)>,
}

impl Shelf {
    pub(super) fn new(entries: u32, ways: u16, capacity: u64, keys: usize) -> Self {
        let sets = (entries / u32::from(ways)).max(1);
        let key = |key: u64| {
            let mut digest = rng_from(&[key]);
            let mut prefix = Prefix::default();
            digest.fill(&mut prefix);
            (digest.u32(..sets), prefix)
        };
        Self {
            sets: vec![Vec::new(); sets as usize],
            bounds: Bounds { ways, bytes: capacity / u64::from(sets) },
            keys: (0..keys as u64).map(key).collect(),
        }
    }
}

impl Cache for Shelf {
    fn request(&mut self, key: u32, size: u32) -> bool {
        let (set, prefix) = self.keys[key as usize];
        let record = &mut self.sets[set as usize];
        if let Some(found) = shelf::find(record, &prefix) {
            // As the filter does: an entry that is in demand is read without a write.
            if found.frequency < 3
                && let Some(touched) = shelf::touch(record, &prefix)
            {
                *record = touched;
            }
            return true;
        }
        let entry = Entry { prefix, size, expires_at: Timestamp::from_nanos(u64::MAX) };
        // One that is refused is larger than its set: it is a miss each time.
        let _ = shelf::insert(record, entry, Timestamp::ZERO, self.bounds);
        false
    }
}
