//! The first tier: entries in Envoy's shared data, for all Envoy workers of the process.
//!
//! A key of shared data can never be removed, so there is a fixed number of them. Entries lie in sets of [`WAYS`]; a set
//! has one index ([`spillway_caching::shelf`]), changed by compare-and-swap, and a key for each of its entries, written
//! by whoever was given the place in the index. Between the two writes a reader may find another entry than the index
//! promises: an entry holds its whole key, so that is a miss and nothing worse.

use spillway_caching::digest::Digest;
use spillway_caching::shelf::{self, Bounds};
use spillway_contract::cache::entry::EntryRef;
use spillway_host::{Gauge, Host, HostError, Slot};
use spillway_primitives::Timestamp;

/// Entries of a set. With 32 the hit ratio falls two to three points behind the best policy's where answers differ in
/// size; with 64 it stays within two (`cargo xtask simulate --scenario cache`).
pub(crate) const WAYS: u64 = 64;

/// What a stored entry takes in Envoy beside its own bytes: its key, and what its allocator and map keep of it.
const OVERHEAD: u32 = 160;

/// The first tier.
pub(crate) struct Memory {
    sets: u32,
    bounds: Bounds,
    bytes: Gauge,
}

/// An entry that was found, whole and for the right key.
pub(crate) struct Found(Vec<u8>);

impl Found {
    /// Bytes from elsewhere, if they are an entry of that key.
    pub(crate) fn checked(bytes: Vec<u8>, key: Digest) -> Option<Self> {
        let is_its = EntryRef::decode(&bytes).is_ok_and(|entry| entry.key == *key.as_bytes());
        is_its.then_some(Self(bytes))
    }

    /// The entry.
    pub(crate) fn entry(&self) -> EntryRef<'_> {
        EntryRef::reread(&self.0).unwrap_or_default()
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
        let sets = u32::try_from(max_entries.div_ceil(WAYS)).unwrap_or(u32::MAX).max(1);
        let share = max_bytes / u64::from(sets);
        (0..sets).try_for_each(|set| index(set).create(host))?;
        let ways = u16::try_from(WAYS).unwrap_or(u16::MAX);
        Ok(Self { sets, bounds: Bounds { ways, bytes: share }, bytes })
    }

    /// The largest entry that there is room for.
    pub(crate) fn largest(&self) -> usize {
        usize::try_from(self.bounds.bytes.saturating_sub(OVERHEAD.into())).unwrap_or(usize::MAX)
    }

    /// The entry of a key.
    pub(crate) fn find(&self, host: &dyn Host, key: Digest) -> Option<Found> {
        let set = key.shard(self.sets);
        let slot = index(set);
        let record = slot.read(host).ok()?;
        let place = shelf::find(&record.bytes, &key.prefix())?;
        let bytes = host.shared(&way(set, place.way)).ok().flatten()?.bytes;
        let found = Found::checked(bytes, key)?;
        if let Some(touched) = shelf::touch(&record.bytes, &key.prefix()) {
            // Somebody else may have been faster: then this hit does not count, which is no loss.
            host.set_shared(slot.key(), &touched, Some(record.cas)).ok();
        }
        Some(found)
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
        let set = key.shard(self.sets);
        let size = u32::try_from(entry.len()).unwrap_or(u32::MAX).saturating_add(OVERHEAD);
        let mut inserted = None;
        let mut change = 0;
        let updated = index(set).update(host, |record| {
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

fn index(set: u32) -> Slot {
    Slot::new(format!("spillway/cache/set/{set}"))
}

fn way(set: u32, way: u16) -> String {
    format!("spillway/cache/entry/{set}/{way}")
}
