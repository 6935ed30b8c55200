//! Entries in the order of their last use.

use std::collections::BTreeMap;

/// Entries in the order of their last use, and how large they are together.
#[derive(Debug)]
pub(super) struct Recency {
    order: BTreeMap<u64, u32>,
    /// When each key was used last, and how large it is; 0 is never.
    used: Vec<(u64, u32)>,
    clock: u64,
    bytes: u64,
}

impl Recency {
    pub(super) fn new(keys: usize) -> Self {
        Self { order: BTreeMap::new(), used: vec![(0, 0); keys], clock: 0, bytes: 0 }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn holds(&self, key: u32) -> bool {
        self.used[key as usize].0 != 0
    }

    /// Puts a key at the newest end, whether it is new or not.
    pub(super) fn put(&mut self, key: u32, size: u32) {
        self.take(key);
        self.clock += 1;
        self.used[key as usize] = (self.clock, size);
        self.order.insert(self.clock, key);
        self.bytes += u64::from(size);
    }

    /// Takes a key out. Its size, if it was there.
    pub(super) fn take(&mut self, key: u32) -> Option<u32> {
        let (at, size) = std::mem::take(&mut self.used[key as usize]);
        self.order.remove(&at)?;
        self.bytes -= u64::from(size);
        Some(size)
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        self.order.values().next().copied()
    }

    /// Takes the oldest out, with its size.
    pub(super) fn take_oldest(&mut self) -> Option<(u32, u32)> {
        let key = self.oldest()?;
        Some((key, self.take(key)?))
    }
}
