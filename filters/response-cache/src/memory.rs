//! The first tier: entries in Envoy's shared data, for all Envoy workers of the process.
//!
//! A key of shared data can never be removed, so there is a fixed number of them. Entries lie in sets of [`WAYS`]; a set
//! has one index ([`spillway_caching::shelf`]), changed by compare-and-swap, and a key for each of its entries, written
//! by whoever was given the place in the index. Between the two writes a reader may find another entry than the index
//! promises: an entry holds its whole key, so that is a miss and nothing worse.

mod hints;

use std::cell::RefCell;

use spillway_caching::digest::Digest;
use spillway_caching::shelf::{self, Bounds};
use spillway_contract::cache::entry::EntryRef;
use spillway_host::{Gauge, Host, HostError, Slot};
use spillway_primitives::Timestamp;

use hints::Hints;

/// Entries of a set. With 32 the hit ratio falls two to three points behind the best policy's where answers differ in
/// size; with 64 it stays within two (`cargo xtask simulate --scenario cache`).
pub(crate) const WAYS: u64 = 64;

/// What a stored entry takes in Envoy beside its own bytes: its key, and what its allocator and map keep of it.
const OVERHEAD: u32 = 160;

/// The first tier.
pub(crate) struct Memory {
    /// The index of each set.
    sets: Vec<Slot>,
    hints: RefCell<Hints>,
    bounds: Bounds,
    bytes: Gauge,
}

/// The bytes of an entry of the right key.
pub(crate) struct Found(Vec<u8>);

impl Found {
    /// Bytes from elsewhere, if they say that they are an entry of that key. Whether they are whole is seen when the entry is
    /// read.
    pub(crate) fn of(bytes: Vec<u8>, key: Digest) -> Option<Self> {
        (EntryRef::key_of(&bytes) == Some(key.as_bytes())).then_some(Self(bytes))
    }

    /// The entry; `None` where the bytes are damaged. Every call reads it anew.
    pub(crate) fn entry(&self) -> Option<EntryRef<'_>> {
        EntryRef::decode(&self.0).ok()
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Memory {
    /// Makes the keys. On configuration, before there is traffic.
    pub(crate) fn new(
        host: &dyn Host,
        max_entries: u64,
        max_bytes: u64,
        bytes: Gauge,
    ) -> Result<Self, HostError> {
        let number = u32::try_from(max_entries.div_ceil(WAYS)).unwrap_or(u32::MAX).max(1);
        let share = max_bytes / u64::from(number);
        let sets: Vec<_> = (0..number).map(|set| Slot::new(format!("spillway/cache/set/{set}"))).collect();
        sets.iter().try_for_each(|set| set.create(host))?;
        let ways = u16::try_from(WAYS).unwrap_or(u16::MAX);
        Ok(Self { sets, hints: RefCell::default(), bounds: Bounds { ways, bytes: share }, bytes })
    }

    /// The largest entry that there is room for.
    pub(crate) fn largest(&self) -> usize {
        usize::try_from(self.bounds.bytes.saturating_sub(OVERHEAD.into())).unwrap_or(usize::MAX)
    }

    /// The entry of a key.
    pub(crate) fn find(&self, host: &dyn Host, key: Digest) -> Option<Found> {
        let (set, index) = self.set(key)?;
        let hinted = self.hints.try_borrow_mut().ok().and_then(|mut hints| hints.take(key));
        if let Some(found) = hinted.and_then(|way| read(host, set, way, key)) {
            return Some(found);
        }
        let record = index.read(host).ok()?;
        let place = shelf::find(&record.bytes, &key.prefix())?;
        let found = read(host, set, place.way, key)?;
        match shelf::touch(&record.bytes, &key.prefix()) {
            // Somebody else may have been faster: then this hit does not count, which is no loss.
            Some(touched) => {
                host.set_shared(index.key(), &touched, Some(record.cas)).ok();
            }
            None => self.hints.try_borrow_mut().iter_mut().for_each(|hints| hints.note(key, place.way)),
        }
        Some(found)
    }

    /// The set of a key: its number, and its index.
    fn set(&self, key: Digest) -> Option<(u32, &Slot)> {
        let set = key.shard(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        Some((set, self.sets.get(set as usize)?))
    }

    /// Keeps an entry. False where there is no room for it.
    pub(crate) fn insert(
        &self,
        host: &dyn Host,
        key: Digest,
        entry: &[u8],
        expires: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Some((set, index)) = self.set(key) else { return false };
        let size = u32::try_from(entry.len()).unwrap_or(u32::MAX).saturating_add(OVERHEAD);
        let mut inserted = None;
        let mut change = 0;
        let updated = index.update(host, |record| {
            let mut after = record.to_vec();
            let item = shelf::Entry { prefix: key.prefix(), size, expires_at: expires };
            inserted = shelf::insert(&mut after, item, now, self.bounds).ok();
            change = shelf::bytes(&after).cast_signed() - shelf::bytes(record).cast_signed();
            inserted.is_some().then_some(after)
        });
        let Some(inserted) = inserted.filter(|_| updated.is_ok()) else { return false };
        self.bytes.add(host, change).ok();
        for evicted in inserted.evicted.iter().filter(|evicted| **evicted != inserted.way) {
            host.set_shared(&way(set, *evicted), &[], None).ok();
        }
        host.set_shared(&way(set, inserted.way), entry, None).is_ok()
    }
}

fn read(host: &dyn Host, set: u32, number: u16, key: Digest) -> Option<Found> {
    Found::of(host.shared(&way(set, number)).ok().flatten()?.bytes, key)
}

/// The key of shared data of an entry. No formatting machinery: this runs for every hit.
fn way(set: u32, way: u16) -> String {
    const BEFORE: &str = "spillway/cache/entry/";
    let mut key = String::with_capacity(BEFORE.len() + 16);
    key.push_str(BEFORE);
    key.push_str(&set.to_string());
    key.push('/');
    key.push_str(&way.to_string());
    key
}
