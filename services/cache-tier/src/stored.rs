//! An entry as the tier holds it: its bytes, and what has to be known about it at every hit.

use crate::purge::Scopes;
use bytes::Bytes;
use spillway_contract::cache::entry::{Damage, EntryRef, Freshness, Lifetime};
use spillway_contract::cache::key::to_short_hex;
use std::fmt;

/// What an entry is asked for by.
pub type Key = [u8; 32];

/// An entry whose checksum was right when its bytes came.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    bytes: Bytes,
    key: Key,
    lifetime: Lifetime,
    scopes: Scopes,
    stamp_ms: u64,
}

impl Stored {
    /// Reads and checks the bytes of an entry. The stamp says which purges it survives.
    ///
    /// # Errors
    /// When the bytes are no entry.
    pub fn read(bytes: Bytes, stamp_ms: u64) -> Result<Self, Damage> {
        let entry = EntryRef::decode(&bytes)?;
        let (key, lifetime, scopes) = (entry.key, entry.lifetime(), Scopes::of(&entry));
        Ok(Self { bytes, key, lifetime, scopes, stamp_ms })
    }

    /// The same entry with another stamp.
    #[must_use]
    pub fn stamped(self, stamp_ms: u64) -> Self {
        Self { stamp_ms, ..self }
    }

    /// The bytes, as they are sent.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// How long it lives.
    #[must_use]
    pub fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// What it can be purged with.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// What purges compare with their own time: see [`crate::purge`].
    #[must_use]
    pub fn stamp_ms(&self) -> u64 {
        self.stamp_ms
    }

    /// Whether it may be served at all.
    #[must_use]
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.lifetime.at(now_ms) != Freshness::Expired
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size();
        f.debug_struct("Stored")
            .field("key", &to_short_hex(&self.key))
            .field("bytes", &size)
            .finish_non_exhaustive()
    }
}
