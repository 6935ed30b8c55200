//! Encryption at rest.

use super::{EncryptionKey, Unreadable};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::fmt;

const NONCE_BYTES: usize = 24;

/// The keys that are configured, the encrypting one first.
///
/// XChaCha20-Poly1305, because its nonces of 192 bits can be drawn at random for as many entries as there will ever be,
/// by any number of cache tiers that share a key.
pub struct Cipher {
    first: Keyed,
    older: Vec<Keyed>,
}

struct Keyed {
    id: [u8; 4],
    cipher: XChaCha20Poly1305,
}

impl Cipher {
    /// Of a list of keys. `None` if it is empty.
    #[must_use]
    pub fn new(keys: &[EncryptionKey]) -> Option<Self> {
        let mut keys =
            keys.iter().map(|key| Keyed { id: key.id(), cipher: XChaCha20Poly1305::new(key.bytes().into()) });
        Some(Self { first: keys.next()?, older: keys.collect() })
    }

    pub(super) fn current_id(&self) -> [u8; 4] {
        self.first.id
    }

    /// A fresh nonce, and the text with its tag.
    pub(super) fn encrypt(
        &self,
        plain: &[u8],
        aad: &[u8],
    ) -> Result<([u8; NONCE_BYTES], Vec<u8>), getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: plain, aad };
        // It fails only for texts of 256 GiB and more.
        let secret = self.first.cipher.encrypt(XNonce::from_slice(&nonce), payload);
        Ok((nonce, secret.map_err(|_| getrandom::Error::UNEXPECTED)?))
    }

    /// The text of what follows the head: a nonce, then the text with its tag.
    pub(super) fn decrypt(&self, id: [u8; 4], bytes: &[u8], aad: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let mut keys = std::iter::once(&self.first).chain(&self.older);
        let key = keys.find(|key| key.id == id).ok_or(Unreadable::UnknownKey)?;
        let (nonce, secret) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Unreadable::Envelope)?;
        let payload = Payload { msg: secret, aad };
        key.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| Unreadable::NotAuthentic)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cipher({} keys)", 1 + self.older.len())
    }
}
