//! Entries outside of this process: wrapped, perhaps compressed, perhaps encrypted.
//!
//! ```text
//! "SWT" | version 1 | flags 1 | key id 4 | stamp 8 | expires at 8 | plain length 4
//!       | nonce 24, if encrypted | the entry | checksum 8
//! ```
//!
//! Numbers are in little-endian order; times are milliseconds since the Unix epoch. The checksum (XXH64, seed 0) over
//! everything before it finds damage without a key. Where the entry is encrypted (XChaCha20-Poly1305), the head and the
//! key of the entry are authenticated with it: neither its times nor its place can be changed.
//!
//! The key id says which of the configured keys encrypted an entry, so that keys can be rotated: the first of the list
//! encrypts, all of them decrypt.

mod cipher;
mod envelope;
mod keys;
#[cfg(test)]
mod tests;

pub use cipher::Cipher;
pub use envelope::Unsealed;
pub use keys::{EncryptionKey, parse_keys};

use crate::stored::{Key, Stored};
use bytes::Bytes;
use envelope::Head;
use spillway_contract::cache::entry::Damage;

/// Why what a tier has is not an entry that can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unreadable {
    /// The wrapping is damaged, or of another release.
    #[error("the envelope is damaged")]
    Envelope,
    /// The bytes were encrypted with a key that is not configured here.
    #[error("it was encrypted with a key that is not known here")]
    UnknownKey,
    /// Keys are configured, and the bytes are not encrypted: nobody knows who wrote them.
    #[error("it is not encrypted")]
    NotEncrypted,
    /// Somebody changed the bytes, or they lie in another place than they were written to.
    #[error("it is not authentic")]
    NotAuthentic,
    /// It cannot be decompressed.
    #[error("it cannot be decompressed")]
    Compression,
    /// What was wrapped is no entry.
    #[error("{0}")]
    Entry(#[from] Damage),
    /// What was wrapped is the entry of another key.
    #[error("it is the entry of another key")]
    OtherKey,
}

impl Unreadable {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::UnknownKey => "unknown_key",
            Self::NotEncrypted => "not_encrypted",
            Self::NotAuthentic => "not_authentic",
            Self::Compression => "compression",
            Self::Entry(damage) => damage.as_str(),
            Self::OtherKey => "other_key",
        }
    }

    /// Whether nobody can make sense of it, so that it is deleted. What another cache tier can read stays: its keys may
    /// be newer than ours.
    #[must_use]
    pub const fn is_useless(self) -> bool {
        !matches!(self, Self::UnknownKey)
    }
}

/// How entries are wrapped.
#[derive(Debug)]
pub struct Seal {
    /// Entries larger than this are compressed; `None`: none are.
    pub compress_above: Option<usize>,
    /// The keys, if entries are encrypted.
    pub cipher: Option<Cipher>,
    /// The largest entry: what claims to be larger is not looked at.
    pub max_entry_bytes: usize,
}

impl Seal {
    /// Wraps an entry that a tier is to keep until `expires_at_ms`.
    ///
    /// # Errors
    /// When there is no randomness to encrypt with.
    pub fn seal(&self, entry: &Stored, expires_at_ms: u64) -> Result<Bytes, getrandom::Error> {
        let plain = entry.bytes();
        let head = Head::new(entry.stamp_ms(), expires_at_ms, plain.len());
        let compressed =
            self.compress_above.filter(|above| plain.len() > *above).and_then(|_| compress(&plain));
        let (head, payload) = match &compressed {
            Some(compressed) => (head.compressed(), compressed.as_slice()),
            None => (head, &*plain),
        };
        match &self.cipher {
            None => Ok(envelope::wrap(&head.to_bytes(), &[payload])),
            Some(cipher) => {
                let head = head.encrypted(cipher.current_id()).to_bytes();
                let (nonce, secret) = cipher.encrypt(payload, &[head.as_slice(), entry.key()].concat())?;
                Ok(envelope::wrap(&head, &[&nonce, &secret]))
            }
        }
    }

    /// Unwraps the entry of a key, and checks everything about it but whether it may still be served.
    ///
    /// # Errors
    /// When there is anything wrong with it.
    pub fn open(&self, key: &Key, bytes: &Bytes) -> Result<Unsealed, Unreadable> {
        let (head, payload) = envelope::unwrap(bytes).ok_or(Unreadable::Envelope)?;
        if head.plain_length > self.max_entry_bytes {
            return Err(Unreadable::Envelope);
        }
        let payload = match (&self.cipher, head.encryption()) {
            (None, None) => bytes.slice_ref(payload),
            (None, Some(_)) => return Err(Unreadable::UnknownKey),
            (Some(_), None) => return Err(Unreadable::NotEncrypted),
            (Some(cipher), Some(id)) => {
                let aad = [head.to_bytes().as_slice(), key].concat();
                Bytes::from(cipher.decrypt(id, payload, &aad)?)
            }
        };
        let plain = if head.is_compressed() {
            let plain = zstd::bulk::decompress(&payload, head.plain_length);
            Bytes::from(plain.map_err(|_| Unreadable::Compression)?)
        } else {
            payload
        };
        if plain.len() != head.plain_length {
            return Err(Unreadable::Envelope);
        }
        let entry = Stored::read(plain, head.stamp_ms)?;
        if entry.key() != key {
            return Err(Unreadable::OtherKey);
        }
        Ok(Unsealed { entry, expires_at_ms: head.expires_at_ms })
    }
}

/// `None` where it does not pay: a tenth must be saved.
fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    let compressed = zstd::bulk::compress(plain, LEVEL).ok()?;
    (compressed.len() < plain.len() - plain.len() / 10).then_some(compressed)
}

/// zstd's level: 1 is the fastest of the ordinary ones, and on JSON nearly as good as the next ones.
const LEVEL: i32 = 1;
