//! The one that was not used for the longest time goes.

use super::Cache;
use super::recency::Recency;

pub(super) struct Lru {
    entries: Recency,
    capacity: u64,
}

impl Lru {
    pub(super) fn new(capacity: u64, keys: usize) -> Self {
        Self { entries: Recency::new(keys), capacity }
    }
}

impl Cache for Lru {
    fn request(&mut self, key: u32, size: u32) -> bool {
        let hit = self.entries.holds(key);
        if u64::from(size) <= self.capacity {
            self.entries.put(key, size);
        }
        while self.entries.bytes() > self.capacity {
            self.entries.take_oldest();
        }
        hit
    }
}
