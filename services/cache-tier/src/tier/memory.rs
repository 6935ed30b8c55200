//! The nearest tier: the memory of this process.

use crate::clock::now_ms;
use crate::purge::Scope;
use crate::stored::{Key, Stored};
use moka::Expiry;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries in memory: bounded in bytes, each with its own end, kept by how often and how recently they were asked for.
#[derive(Debug, Clone)]
pub struct Memory {
    entries: Cache<Key, Arc<Stored>>,
    max_bytes: u64,
}

/// What an entry takes besides its bytes, about: key, bookkeeping, allocations.
const OVERHEAD_BYTES: usize = 512;

#[derive(Debug)]
struct EndOfLife {
    ttl: Duration,
}

impl Expiry<Key, Arc<Stored>> for EndOfLife {
    fn expire_after_create(&self, _: &Key, entry: &Arc<Stored>, _: Instant) -> Option<Duration> {
        Some(self.ttl.min(Duration::from_millis(entry.lifetime().left_ms(now_ms()))))
    }

    fn expire_after_update(
        &self,
        key: &Key,
        entry: &Arc<Stored>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

impl Memory {
    /// At most so many bytes, each entry at most so long.
    #[must_use]
    pub fn new(max_bytes: u64, ttl: Duration) -> Self {
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Key, entry: &Arc<Stored>| weight(entry))
            .expire_after(EndOfLife { ttl })
            .build();
        Self { entries, max_bytes }
    }

    /// The entry of a key, which may have been purged.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.entries.get(key).filter(|entry| entry.is_live(now_ms()))
    }

    /// Keeps an entry. False if it is larger than the whole memory.
    pub fn put(&self, entry: &Arc<Stored>) -> bool {
        let fits = u64::from(weight(entry)) <= self.max_bytes;
        if fits {
            self.entries.insert(*entry.key(), Arc::clone(entry));
        }
        fits
    }

    /// Forgets the entry of a key.
    pub fn delete(&self, key: &Key) {
        self.entries.invalidate(key);
    }

    /// Forgets every entry of a scope. Returns how many there were.
    pub fn purge(&self, scope: Scope) -> u64 {
        let mut purged = 0;
        for (key, entry) in &self.entries {
            if entry.scopes().contains(scope) {
                self.entries.invalidate(&*key);
                purged += 1;
            }
        }
        purged
    }

    /// Does what has been put off, so that [`Self::usage`] is exact.
    pub fn tidy(&self) {
        self.entries.run_pending_tasks();
    }

    /// Bytes and entries, about.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        (self.entries.weighted_size(), self.entries.entry_count())
    }
}

fn weight(entry: &Stored) -> u32 {
    u32::try_from(entry.size() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contract::cache::entry::Entry;
    use spillway_contract::cache::protocol::Purge;

    fn entry(key: u8, body: usize, fresh_ms: u64) -> Arc<Stored> {
        let model = format!("m{}", key % 2);
        let entry = Entry {
            key: [key; 32],
            stored_at_ms: now_ms(),
            fresh_ms,
            model,
            body: vec![0; body],
            ..Entry::default()
        };
        Arc::new(Stored::read(entry.encode().unwrap().into(), 1).unwrap())
    }

    #[test]
    fn it_is_bounded_in_bytes() {
        let memory = Memory::new(100_000, Duration::from_secs(60));
        for key in 0..=255 {
            assert!(memory.put(&entry(key, 1_000, 60_000)));
        }
        memory.tidy();
        let (bytes, entries) = memory.usage();
        assert!(bytes <= 100_000 && (50..=66).contains(&entries), "{bytes} bytes, {entries} entries");
        assert!(!memory.put(&entry(1, 100_000, 60_000)));
    }

    #[test]
    fn the_shorter_time_counts() {
        for (ttl, fresh_ms) in [(60_000, 40), (40, 60_000)] {
            let memory = Memory::new(100_000, Duration::from_millis(ttl));
            memory.put(&entry(1, 10, fresh_ms));
            assert!(memory.get(&[1; 32]).is_some());
            std::thread::sleep(Duration::from_millis(60));
            assert!(memory.get(&[1; 32]).is_none(), "{ttl} ms here, fresh for {fresh_ms} ms");
        }
    }

    #[test]
    fn a_scope_is_forgotten() {
        let memory = Memory::new(1_000_000, Duration::from_secs(60));
        (0..10).for_each(|key| assert!(memory.put(&entry(key, 10, 60_000))));
        assert_eq!(memory.purge(Scope::of(&Purge::Model("m1".to_owned()))), 5);
        assert!(memory.get(&[1; 32]).is_none() && memory.get(&[2; 32]).is_some());
    }
}
