//! Which entry goes when another comes.

mod lfu;
mod lru;
mod recency;
mod s3_fifo;
mod shelf;
mod tiny_lfu;

use super::trace::{MEAN_BYTES, Trace};

/// A policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The index of the response cache, in sets of so many ways.
    Shelf(u16),
    /// S3-FIFO over the whole cache.
    S3Fifo,
    /// Einziger, Friedman and Manes 2017.
    TinyLfu,
    /// The one that was not used for the longest time goes.
    Lru,
    /// The one that was used least often goes.
    Lfu,
}

/// A cache that holds no bodies.
pub(super) trait Cache {
    /// Somebody asks for a key whose answer is so large. True if it was there; else it is put in.
    fn request(&mut self, key: u32, size: u32) -> bool;
}

impl Kind {
    /// The index with as many ways as hold the bar of two percentage points for answers of mixed sizes too.
    pub const SHIPPED: Self = Self::Shelf(64);

    /// Every policy that is compared.
    pub const ALL: [Self; 7] =
        [Self::SHIPPED, Self::Shelf(32), Self::Shelf(8), Self::S3Fifo, Self::TinyLfu, Self::Lru, Self::Lfu];

    /// Its name in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shelf(8) => "spillway, 8 ways",
            Self::Shelf(32) => "spillway, 32 ways",
            Self::Shelf(64) => "spillway, 64 ways",
            Self::Shelf(_) => "spillway",
            Self::S3Fifo => "s3-fifo",
            Self::TinyLfu => "w-tinylfu",
            Self::Lru => "lru",
            Self::Lfu => "lfu",
        }
    }

    /// Whether it is the index of the response cache.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Shelf(_))
    }

    /// A cache of so many entries of the mean size.
    pub(super) fn cache(self, trace: &Trace, entries: u32) -> Box<dyn Cache> {
        let bytes = u64::from(entries) * u64::from(MEAN_BYTES);
        let keys = trace.sizes.len();
        match self {
            Self::Shelf(ways) => Box::new(shelf::Shelf::new(entries, ways, bytes, keys)),
            Self::S3Fifo => Box::new(s3_fifo::S3Fifo::new(bytes, keys)),
            Self::TinyLfu => Box::new(tiny_lfu::TinyLfu::new(entries, bytes, keys)),
            Self::Lru => Box::new(lru::Lru::new(bytes, keys)),
            Self::Lfu => Box::new(lfu::Lfu::new(bytes, keys)),
        }
    }
}

#[cfg(test)]
mod tests;
