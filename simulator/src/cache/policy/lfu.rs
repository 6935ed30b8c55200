//! The one that was used least often since it came goes; of several the one that was not used for the longest time.

use std::collections::BTreeSet;

use super::Cache;

pub(super) struct Lfu {
    /// By uses, time of the last use, key.
    order: BTreeSet<(u32, u64, u32)>,
    /// Uses, time of the last use and size of each key; no uses: it is not there.
    entries: Vec<(u32, u64, u32)>,
    clock: u64,
    bytes: u64,
    capacity: u64,
}

impl Lfu {
    pub(super) fn new(capacity: u64, keys: usize) -> Self {
        Self { order: BTreeSet::new(), entries: vec![(0, 0, 0); keys], clock: 0, bytes: 0, capacity }
    }
}

impl Cache for Lfu {
    fn request(&mut self, key: u32, size: u32) -> bool {
        if u64::from(size) > self.capacity {
            return false;
        }
        let (uses, at, _) = self.entries[key as usize];
        let hit = self.order.remove(&(uses, at, key));
        if !hit {
            self.bytes += u64::from(size);
            // Before it comes in itself: it would be the least used one.
            while self.bytes > self.capacity {
                let Some((_, _, victim)) = self.order.pop_first() else { break };
                let (_, _, size) = std::mem::take(&mut self.entries[victim as usize]);
                self.bytes -= u64::from(size);
            }
        }
        self.clock += 1;
        self.entries[key as usize] = (uses + 1, self.clock, size);
        self.order.insert((uses + 1, self.clock, key));
        hit
    }
}
