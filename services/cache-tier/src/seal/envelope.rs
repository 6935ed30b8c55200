//! The wrapping itself.

use crate::stored::Stored;
use bytes::Bytes;
use twox_hash::XxHash64;

const MAGIC: [u8; 3] = *b"SWT";
const VERSION: u8 = 1;
pub(super) const HEAD_BYTES: usize = 29;
const CHECKSUM_BYTES: usize = 8;

const COMPRESSED: u8 = 1;
const ENCRYPTED: u8 = 2;

/// An entry, and until when its tier may serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed {
    /// The entry.
    pub entry: Stored,
    /// The end of its time in this tier, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// What stands before an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    flags: u8,
    key_id: [u8; 4],
    pub(super) stamp_ms: u64,
    pub(super) expires_at_ms: u64,
    pub(super) plain_length: usize,
}

impl Head {
    pub(super) fn new(stamp_ms: u64, expires_at_ms: u64, plain_length: usize) -> Self {
        Self { flags: 0, key_id: [0; 4], stamp_ms, expires_at_ms, plain_length }
    }

    pub(super) fn compressed(self) -> Self {
        Self { flags: self.flags | COMPRESSED, ..self }
    }

    pub(super) fn encrypted(self, key_id: [u8; 4]) -> Self {
        Self { flags: self.flags | ENCRYPTED, key_id, ..self }
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.flags & COMPRESSED != 0
    }

    /// The id of the key, if it is encrypted.
    pub(super) fn encryption(&self) -> Option<[u8; 4]> {
        (self.flags & ENCRYPTED != 0).then_some(self.key_id)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        // Entries are bounded far below 4 GiB.
        let length = u32::try_from(self.plain_length).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, self.flags]);
        bytes.extend(self.key_id);
        bytes.extend(self.stamp_ms.to_le_bytes());
        bytes.extend(self.expires_at_ms.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (magic, bytes) = bytes.split_first_chunk::<3>()?;
        let ([version, flags], bytes) = bytes.split_first_chunk::<2>()?;
        let (key_id, bytes) = bytes.split_first_chunk::<4>()?;
        let (stamp, bytes) = bytes.split_first_chunk::<8>()?;
        let (expires, bytes) = bytes.split_first_chunk::<8>()?;
        let (length, bytes) = bytes.split_first_chunk::<4>()?;
        if *magic != MAGIC || *version != VERSION || *flags & !(COMPRESSED | ENCRYPTED) != 0 {
            return None;
        }
        let head = Self {
            flags: *flags,
            key_id: *key_id,
            stamp_ms: u64::from_le_bytes(*stamp),
            expires_at_ms: u64::from_le_bytes(*expires),
            plain_length: usize::try_from(u32::from_le_bytes(*length)).ok()?,
        };
        Some((head, bytes))
    }
}

/// Head, parts and checksum as one.
pub(super) fn wrap(head: &[u8], parts: &[&[u8]]) -> Bytes {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(head.len() + length + CHECKSUM_BYTES);
    bytes.extend_from_slice(head);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    let checksum = XxHash64::oneshot(0, &bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes.into()
}

/// Head and what follows it, if the checksum is right.
pub(super) fn unwrap(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (checked, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if XxHash64::oneshot(0, checked) != u64::from_le_bytes(*checksum) {
        return None;
    }
    Head::read(checked)
}
