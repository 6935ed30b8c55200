//! Which entries lie in one set of a set-associative cache, and which of them goes when another comes.
//!
//! The cache of an Envoy is many small sets. A key belongs to one of them ([`crate::digest::Digest::shard`]); a set has
//! so many ways, and in each lies one body. This is the index of one set: a record of bytes that all Envoy workers
//! read and change by compare-and-swap. So a change touches a kilobyte or two and not the whole cache, and workers that change
//! different sets do not meet. Who wins the swap owns the way that it was given and writes the body there; a body
//! says its whole key, so that a reader who comes in between knows that it is not the one.
//!
//! Which entry goes is decided by S3-FIFO (Yang, Zhang, Qiu, Yue and Vigfusson, "FIFO Queues are All You Need for
//! Cache Eviction", SOSP 2023): new entries pass through a small queue, a tenth of the set, and only those that are
//! asked for again come into the main one; of those that did not, a fingerprint is kept for a while, and who comes back
//! goes to the main queue at once. So a scan of requests that never come again cannot empty the cache. A use is noted in two
//! bits, of which the value 3 is the last, so an entry that is in demand is read without any write. What expires goes
//! before all.
//!
//! How many ways: with 64 the cache finds as much as the best policy over the whole of it would, but for two percentage
//! points at most (the simulator's scenario `cache`). With 32 that holds only for answers of about the same size: a few
//! large ones crowd out the rest of a small set. The price of 64 is a record of two kilobytes and a change that takes
//! twice as long, 5 µs in wasm32; to look takes a twentieth of a microsecond with either.
//!
//! [`find`] looks through the bytes as they are, and allocates nothing. A record that is damaged or of another release
//! counts as empty: an index that is lost costs misses, and nothing else.

mod item;
mod record;
mod set;

use spillway_primitives::Timestamp;

use item::Item;
use record::Record;
use set::Set;

/// What stands for a key here: [`crate::digest::Digest::prefix`].
pub type Prefix = [u8; 16];

/// How much lies in one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ways: bodies at most, numbered from 0.
    pub ways: u16,
    /// Bytes of all bodies together.
    pub bytes: u64,
}

/// An entry that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where its body lies.
    pub way: u16,
    /// How often it was used lately, 0 to 3; at 3 [`touch`] has nothing to write.
    pub frequency: u8,
    /// From when on it is of no use, to the second, never later than was said.
    pub expires_at: Timestamp,
}

/// An entry that is to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of its key.
    pub prefix: Prefix,
    /// How large its body is.
    pub size: u32,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
}

/// An entry that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// Where its body is to be written.
    pub way: u16,
    /// Ways whose bodies nobody needs any more; never `way` itself, whose old body is written over.
    pub evicted: Vec<u16>,
}

/// Why an entry does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// It is larger than a set may be.
    TooLarge,
    /// A set has no ways.
    NoWays,
    /// It would be of no use.
    Expired,
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::TooLarge, Self::NoWays, Self::Expired];

    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "larger_than_a_set",
            Self::NoWays => "no_ways",
            Self::Expired => "expired_on_arrival",
        }
    }
}

/// The entry with this prefix, expired or not.
#[must_use]
pub fn find(record: &[u8], prefix: &Prefix) -> Option<Found> {
    let item = Item::read(Record::of(record).item(prefix)?)?;
    Some(Found { way: item.way, frequency: item.frequency, expires_at: item.expires_at() })
}

/// The record after a use of this entry; `None` where that changes nothing.
#[must_use]
pub fn touch(record: &[u8], prefix: &Prefix) -> Option<Vec<u8>> {
    Record::of(record).touched(prefix)
}

/// Puts an entry in, in the place of an older one with the same prefix or of whatever has to go.
///
/// # Errors
///
/// Why it does not come in; the record is then as it was.
pub fn insert(
    record: &mut Vec<u8>,
    entry: Entry,
    now: Timestamp,
    bounds: Bounds,
) -> Result<Inserted, Refused> {
    let item = Item::new(entry);
    if u64::from(entry.size) > bounds.bytes {
        return Err(Refused::TooLarge);
    }
    if bounds.ways == 0 {
        return Err(Refused::NoWays);
    }
    if item.expires_at() <= now {
        return Err(Refused::Expired);
    }
    let mut set = Set::of(record);
    let inserted = set.insert(item, now, bounds).ok_or(Refused::NoWays)?;
    *record = set.write();
    Ok(inserted)
}

/// Takes an entry out. Gives the way that is free then.
pub fn remove(record: &mut Vec<u8>, prefix: &Prefix) -> Option<u16> {
    let mut set = Set::of(record);
    let way = set.take(prefix)?.way;
    *record = set.write();
    Some(way)
}

/// How many entries there are.
#[must_use]
pub fn len(record: &[u8]) -> usize {
    Record::of(record).items().len()
}

/// How large their bodies are together.
#[must_use]
pub fn bytes(record: &[u8]) -> u64 {
    Record::of(record).items().iter().filter_map(Item::read).map(|item| u64::from(item.size)).sum()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
