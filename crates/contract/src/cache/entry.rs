//! A stored answer.
//!
//! As bytes it is
//!
//! ```text
//! "SWE" | version, 1 byte | length of the metadata, 4 bytes | metadata, postcard | body as it is | checksum, 8 bytes
//! ```
//!
//! with numbers in little-endian order and the checksum XXH64 (seed 0) over everything before it. The body is last and
//! not encoded, so that a hit is sent from where it lies. The checksum finds damage, not forgery.
//!
//! Times are milliseconds since the Unix epoch and spans in milliseconds. What shows an entry in a log shows no body, no
//! tenant and no header: [`Entry`] and [`EntryRef`] print their key's first digits and their size.

mod codec;
mod damage;
mod lifetime;
#[cfg(test)]
mod tests;

pub use codec::{MAX_HEADERS, MAX_METADATA_BYTES, VERSION};
pub use damage::Damage;
pub use lifetime::{Freshness, Lifetime};

use super::key::to_short_hex;
use std::fmt;

/// A stored answer, with everything its own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// What it is the answer to.
    pub key: [u8; 32],
    /// When it was stored, since the Unix epoch.
    pub stored_at_ms: u64,
    /// How long it is fresh from then on.
    pub fresh_ms: u64,
    /// How long after that it may be served stale at all.
    pub stale_ms: u64,
    /// How long of that it may be served while it is computed anew (RFC 5861, section 3).
    pub stale_while_revalidate_ms: u64,
    /// How long of that it may be served instead of an error (RFC 5861, section 4).
    pub stale_if_error_ms: u64,
    /// The answer's status.
    pub status: u16,
    /// The few headers that are served again, names in lower case; see [`is_kept`].
    pub headers: Vec<(String, Vec<u8>)>,
    /// The hash of the tenant that it belongs to; `None`: every tenant may have it.
    pub tenant: Option<[u8; 32]>,
    /// The model that answered.
    pub model: String,
    /// The revision of the model.
    pub revision: String,
    /// The answer's body.
    pub body: Vec<u8>,
}

/// A stored answer that borrows from the bytes it was read from, or from an [`Entry`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// As in [`Entry`].
    pub key: [u8; 32],
    /// As in [`Entry`].
    pub stored_at_ms: u64,
    /// As in [`Entry`].
    pub fresh_ms: u64,
    /// As in [`Entry`].
    pub stale_ms: u64,
    /// As in [`Entry`].
    pub stale_while_revalidate_ms: u64,
    /// As in [`Entry`].
    pub stale_if_error_ms: u64,
    /// As in [`Entry`].
    pub status: u16,
    /// As in [`Entry`].
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// As in [`Entry`].
    pub tenant: Option<[u8; 32]>,
    /// As in [`Entry`].
    pub model: &'a str,
    /// As in [`Entry`].
    pub revision: &'a str,
    /// As in [`Entry`].
    pub body: &'a [u8],
}

/// Whether a header of an answer is kept with it. Everything else tells of one exchange only, such as its date, its
/// connection or its request's id.
#[must_use]
pub fn is_kept(name: &str) -> bool {
    matches!(name, "content-type" | "content-encoding" | "content-language" | "etag" | "last-modified")
}

impl Entry {
    /// The same entry, borrowed.
    #[must_use]
    pub fn borrow(&self) -> EntryRef<'_> {
        EntryRef {
            key: self.key,
            stored_at_ms: self.stored_at_ms,
            fresh_ms: self.fresh_ms,
            stale_ms: self.stale_ms,
            stale_while_revalidate_ms: self.stale_while_revalidate_ms,
            stale_if_error_ms: self.stale_if_error_ms,
            status: self.status,
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect(),
            tenant: self.tenant,
            model: &self.model,
            revision: &self.revision,
            body: &self.body,
        }
    }

    /// The entry as bytes.
    ///
    /// # Errors
    /// As [`EntryRef::encode`].
    pub fn encode(&self) -> Result<Vec<u8>, Damage> {
        self.borrow().encode()
    }

    /// How long it lives.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.borrow().lifetime()
    }
}

impl<'a> EntryRef<'a> {
    /// The entry as bytes.
    ///
    /// # Errors
    /// [`Damage::MetadataTooLong`] and [`Damage::TooManyHeaders`]: an entry that no reader would take.
    pub fn encode(&self) -> Result<Vec<u8>, Damage> {
        codec::encode(self)
    }

    /// The entry that `bytes` hold. The body and all texts are borrowed from them.
    ///
    /// # Errors
    /// When anything about the bytes is not as it was written.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Damage> {
        codec::decode(bytes)
    }

    /// Which key these bytes say that they are an entry of; `None` where they are no entry of this version. Whether they
    /// are whole is not looked at.
    #[must_use]
    pub fn key_of(bytes: &'a [u8]) -> Option<&'a [u8; 32]> {
        codec::key_of(bytes)
    }

    /// The same entry, with everything its own.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        Entry {
            key: self.key,
            stored_at_ms: self.stored_at_ms,
            fresh_ms: self.fresh_ms,
            stale_ms: self.stale_ms,
            stale_while_revalidate_ms: self.stale_while_revalidate_ms,
            stale_if_error_ms: self.stale_if_error_ms,
            status: self.status,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            tenant: self.tenant,
            model: self.model.to_owned(),
            revision: self.revision.to_owned(),
            body: self.body.to_owned(),
        }
    }

    /// How long it lives.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        Lifetime {
            stored_at_ms: self.stored_at_ms,
            fresh_ms: self.fresh_ms,
            stale_ms: self.stale_ms,
            stale_while_revalidate_ms: self.stale_while_revalidate_ms,
            stale_if_error_ms: self.stale_if_error_ms,
        }
    }
}

impl fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &to_short_hex(&self.key))
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}
