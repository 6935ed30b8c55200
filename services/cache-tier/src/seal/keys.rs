//! The file of encryption keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use spillway_contract::cache::key::from_hex;
use std::fmt;

/// A key of 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey([u8; 32]);

impl EncryptionKey {
    /// From its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells it from other keys: the first bytes of a hash, which say nothing about the key.
    pub(super) fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(b"spillway cache tier key id").chain_update(self.0).finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }
}

/// No byte of it.
impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(..)")
    }
}

/// Reads a list of keys: one a line, 32 bytes as hex or base64, the encrypting one first. Empty lines and lines that
/// begin with `#` are left out.
///
/// # Errors
/// The number of the first line that is no key, or that there is none. The line itself is not repeated.
pub fn parse_keys(text: &str) -> Result<Vec<EncryptionKey>, String> {
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = from_hex(line).or_else(|| STANDARD.decode(line).ok()?.try_into().ok());
        let key =
            key.ok_or_else(|| format!("line {} is not a key of 32 bytes in hex or base64", number + 1))?;
        keys.push(EncryptionKey(key));
    }
    if keys.is_empty() { Err("there is no key in it".to_owned()) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_base64_and_comments() {
        let text = format!("# newest first\n{}\n\n  {}  \n", "AB".repeat(32), STANDARD.encode([7; 32]));
        assert_eq!(parse_keys(&text).unwrap(), [EncryptionKey([0xab; 32]), EncryptionKey([7; 32])]);
    }

    #[test]
    fn a_mistake_is_named_and_not_repeated() {
        let check = |text: &str, expected: &str| assert_eq!(parse_keys(text).unwrap_err(), expected);
        check("", "there is no key in it");
        check("# only this", "there is no key in it");
        check("# x\nsecret", "line 2 is not a key of 32 bytes in hex or base64");
        check(&STANDARD.encode([7; 31]), "line 1 is not a key of 32 bytes in hex or base64");
    }

    #[test]
    fn keys_have_ids_and_are_not_shown() {
        assert_ne!(EncryptionKey([1; 32]).id(), EncryptionKey([2; 32]).id());
        assert_eq!(format!("{:?}", EncryptionKey([1; 32])), "EncryptionKey(..)");
    }
}
