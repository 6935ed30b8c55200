//! A set that is being changed: S3-FIFO.

use spillway_primitives::Timestamp;

use super::item::{Item, Queue};
use super::record::{self, Record};
use super::{Bounds, Inserted, Prefix};

/// The small queue is one part in so many of the set.
const PARTS: usize = 10;
/// Uses in the small queue after which an entry comes into the main one.
const PROMOTED_AT: u8 = 2;

/// The entries of a set. Both queues lie in one list, each in the order in which its entries came into it.
#[derive(Debug, Default)]
pub(super) struct Set {
    items: Vec<Item>,
    ghosts: Vec<[u8; 4]>,
}

impl Set {
    /// What a record holds; nothing where it contradicts itself.
    pub(super) fn of(record: &[u8]) -> Self {
        let record = Record::of(record);
        let items: Vec<Item> = record.items().iter().filter_map(Item::read).collect();
        let set = Self { items, ghosts: record.ghosts().to_vec() };
        if set.is_sound() { set } else { Self::default() }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        record::write(&self.items, &self.ghosts)
    }

    pub(super) fn take(&mut self, prefix: &Prefix) -> Option<Item> {
        let at = self.items.iter().position(|item| item.prefix == *prefix)?;
        Some(self.items.remove(at))
    }

    /// `None` only if there is no way at all.
    pub(super) fn insert(&mut self, mut new: Item, now: Timestamp, bounds: Bounds) -> Option<Inserted> {
        let mut evicted = Vec::new();
        // What lies beyond the bounds does so because these were made smaller.
        self.items.retain(|item| {
            let stays = item.way < bounds.ways && now < item.expires_at();
            if !stays {
                evicted.push(item.way);
            }
            stays
        });
        let replaced = self.take(&new.prefix);
        if let Some(old) = replaced {
            (new.queue, new.frequency) = (old.queue, old.frequency);
        } else if self.remembers(new.fingerprint()) {
            new.queue = Queue::Main;
        }
        while self.items.len() >= usize::from(bounds.ways)
            || self.bytes() + u64::from(new.size) > bounds.bytes
        {
            evicted.push(self.evict(bounds)?.way);
        }
        new.way = match replaced {
            Some(old) => old.way,
            None => self.free_way(bounds)?,
        };
        self.items.push(new);
        evicted.retain(|way| *way != new.way);
        Some(Inserted { way: new.way, evicted })
    }

    /// Takes out the entry that is needed least.
    fn evict(&mut self, bounds: Bounds) -> Option<Item> {
        loop {
            let queue = if self.small_is_large(bounds) { Queue::Small } else { Queue::Main };
            let mut item = match self.oldest(queue) {
                Some(at) => self.items.remove(at),
                None if self.items.is_empty() => return None,
                None => self.items.remove(0),
            };
            match item.queue {
                Queue::Small if item.frequency >= PROMOTED_AT => {
                    (item.queue, item.frequency) = (Queue::Main, 0);
                    self.items.push(item);
                }
                Queue::Small => {
                    self.remember(item.fingerprint(), bounds);
                    return Some(item);
                }
                Queue::Main if item.frequency > 0 => {
                    item.frequency -= 1;
                    self.items.push(item);
                }
                Queue::Main => return Some(item),
            }
        }
    }

    /// Whether the small queue has its share, in entries or in bytes.
    fn small_is_large(&self, bounds: Bounds) -> bool {
        let small = || self.items.iter().filter(|item| item.queue == Queue::Small);
        let bytes: u64 = small().map(|item| u64::from(item.size)).sum();
        small().count() * PARTS >= usize::from(bounds.ways)
            || bytes.saturating_mul(PARTS as u64) >= bounds.bytes
    }

    fn oldest(&self, queue: Queue) -> Option<usize> {
        self.items.iter().position(|item| item.queue == queue)
    }

    /// As many fingerprints as there are ways.
    fn remember(&mut self, fingerprint: [u8; 4], bounds: Bounds) {
        self.ghosts.push(fingerprint);
        let beyond = self.ghosts.len().saturating_sub(usize::from(bounds.ways));
        self.ghosts.drain(..beyond);
    }

    /// Whether it was here lately; that is then forgotten.
    fn remembers(&mut self, fingerprint: [u8; 4]) -> bool {
        let before = self.ghosts.len();
        self.ghosts.retain(|ghost| *ghost != fingerprint);
        self.ghosts.len() != before
    }

    /// The lowest that nobody has.
    fn free_way(&self, bounds: Bounds) -> Option<u16> {
        let mut used: Vec<u16> = self.items.iter().map(|item| item.way).collect();
        used.sort_unstable();
        let gap = (0..).zip(&used).find(|(way, used)| way != *used).map(|(way, _)| way);
        gap.or_else(|| u16::try_from(used.len()).ok()).filter(|way| *way < bounds.ways)
    }

    fn bytes(&self) -> u64 {
        self.items.iter().map(|item| u64::from(item.size)).sum()
    }

    /// No way and no prefix comes twice.
    fn is_sound(&self) -> bool {
        let mut ways: Vec<u16> = self.items.iter().map(|item| item.way).collect();
        let mut prefixes: Vec<&Prefix> = self.items.iter().map(|item| &item.prefix).collect();
        ways.sort_unstable();
        prefixes.sort_unstable();
        ways.is_sorted_by(|one, next| one < next) && prefixes.is_sorted_by(|one, next| one < next)
    }
}
