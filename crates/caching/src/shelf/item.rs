//! One entry, as a value and as bytes.
//!
//! ```text
//! 0       16     18      22          26
//! prefix  way    size    expires at  queue and frequency
//!         u16    u32     u32 (s)     0000 0qff
//! ```

use spillway_primitives::Timestamp;

use super::{Entry, Prefix};

/// Bytes of one entry.
pub(super) const BYTES: usize = 27;
/// Where in them its frequency stands.
pub(super) const STATE_AT: usize = BYTES - 1;
/// The largest frequency: what is in demand is read without a write.
pub(super) const MOST_FREQUENT: u8 = 3;
const MAIN: u8 = 4;

/// Which queue an entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    Small,
    Main,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) prefix: Prefix,
    pub(super) way: u16,
    pub(super) size: u32,
    /// In seconds since the Unix epoch, which lasts until the year 2106.
    pub(super) expires: u32,
    pub(super) queue: Queue,
    pub(super) frequency: u8,
}

impl Item {
    /// A new one, which has no way yet.
    pub(super) fn new(entry: Entry) -> Self {
        let expires = u32::try_from(entry.expires_at.as_secs()).unwrap_or(u32::MAX);
        let Entry { prefix, size, .. } = entry;
        Self { prefix, way: 0, size, expires, queue: Queue::Small, frequency: 0 }
    }

    pub(super) const fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires as u64 * 1_000)
    }

    /// What is remembered of it when it is gone.
    pub(super) fn fingerprint(&self) -> [u8; 4] {
        self.prefix.first_chunk().copied().unwrap_or_default()
    }

    /// From bytes; always there, since the parts are as long as the whole.
    pub(super) fn read(bytes: &[u8; BYTES]) -> Option<Self> {
        let (prefix, rest) = bytes.split_first_chunk()?;
        let (way, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let state = rest.first()?;
        Some(Self {
            prefix: *prefix,
            way: u16::from_le_bytes(*way),
            size: u32::from_le_bytes(*size),
            expires: u32::from_le_bytes(*expires),
            queue: if state & MAIN == 0 { Queue::Small } else { Queue::Main },
            frequency: state & MOST_FREQUENT,
        })
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        let queue = if self.queue == Queue::Main { MAIN } else { 0 };
        into.extend_from_slice(&self.prefix);
        into.extend_from_slice(&self.way.to_le_bytes());
        into.extend_from_slice(&self.size.to_le_bytes());
        into.extend_from_slice(&self.expires.to_le_bytes());
        into.push(queue | self.frequency.min(MOST_FREQUENT));
    }
}

/// The state byte after one more use; `None` where it stays as it is.
pub(super) const fn used(state: u8) -> Option<u8> {
    if state & MOST_FREQUENT == MOST_FREQUENT { None } else { Some(state + 1) }
}
