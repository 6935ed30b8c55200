//! How entries are asked for, stored and purged: the cache tier's HTTP interface.
//!
//! | request | answers |
//! |---|---|
//! | `GET /v1/entries/{key}`, with a [`Lookup`] as query | 200 with the entry and [`TIER_HEADER`]; 404, perhaps with [`LEASE_HEADER`] |
//! | `PUT /v1/entries/{key}`, with the [`LeaseToken`] in [`LEASE_HEADER`] if there is one | 204; 400 damaged or another key; 413 too large; 503 with `Retry-After`: only memory has it, if [`TIER_HEADER`] says so |
//! | `DELETE /v1/entries`, with a [`Purge`] as query | 200; 202 while it goes on |
//! | `DELETE /v1/leases/{key}`, with the token in [`LEASE_HEADER`] | 204; 404: no such lease |
//! | `POST /v1/budgets`, with a [`budgets::Tell`] | 200 with a [`budgets::Told`]; 503: nothing could be added up |
//!
//! A key is 64 hex digits ([`super::key`]), an entry's body that of [`super::entry`]. Where the tier has a token,
//! requests carry it as `Authorization: Bearer`. Errors are `{"error": {"code": "…", "message": "…"}}`.
//!
//! **Leases** let several Envoys compute an answer once. Whoever misses an entry and asks for a lease is granted it,
//! and computes; others are told that it is taken, or wait. The lease ends when the entry is stored, when it is given
//! back, or when its time is over. Then the first in line is granted it, and those who wait for the entry get it.

pub mod budgets;
mod lease;
mod lookup;
mod purge;
mod query;

pub use lease::{Lease, LeaseToken};
pub use lookup::{Lookup, MAX_LEASE_MS, MAX_WAIT_MS, MAX_WITHIN_MS};
pub use purge::Purge;
pub use query::QueryError;

use super::key::to_hex;

/// Where entries are; one of them is at this path, `/` and its key.
pub const ENTRIES_PATH: &str = "/v1/entries";

/// Where leases are given back, in the same way.
pub const LEASES_PATH: &str = "/v1/leases";

/// The media type of an entry.
pub const ENTRY_MEDIA_TYPE: &str = "application/octet-stream";

/// Which tier answered, or, with an error, which one has the entry all the same: a [`Tier`].
pub const TIER_HEADER: &str = "x-spillway-cache-tier";

/// A [`Lease`] in answers, a [`LeaseToken`] in requests.
pub const LEASE_HEADER: &str = "x-spillway-lease";

/// The path of an entry.
#[must_use]
pub fn entry_path(key: &[u8; 32]) -> String {
    format!("{ENTRIES_PATH}/{}", to_hex(key))
}

/// The path of a lease.
#[must_use]
pub fn lease_path(key: &[u8; 32]) -> String {
    format!("{LEASES_PATH}/{}", to_hex(key))
}

/// Where an entry was found, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The tier's own memory.
    Memory,
    /// The disk of its machine.
    Disk,
    /// Redis, shared by all cache tiers.
    Redis,
    /// The object store, shared and persistent.
    Store,
}

impl Tier {
    /// Every tier, in the order in which they are asked.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Disk, Self::Redis, Self::Store];

    /// The header's value, the log word and the metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Redis => "redis",
            Self::Store => "store",
        }
    }

    /// From a header's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn paths_and_words() {
        let key = [0xab; 32];
        assert_eq!(entry_path(&key), format!("/v1/entries/{}", "ab".repeat(32)));
        assert_eq!(lease_path(&key), format!("/v1/leases/{}", "ab".repeat(32)));
        assert_eq!(Tier::ALL.map(|tier| Tier::parse(tier.as_str())), Tier::ALL.map(Some));
        assert_eq!(Tier::parse("Memory"), None);
    }
}
