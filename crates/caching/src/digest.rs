//! A digest, and the hash behind it.
//!
//! The hash is BLAKE3: in wasm32 it takes half of SHA-256's time or less, with and without SIMD (`docs/adr/0008`).
//! A key stands for an answer that may belong to one tenant, so nothing weaker than a cryptographic hash will do.
//!
//! Every input begins with a format version and with what it is the digest of, so no two kinds of input are ever the
//! same bytes. What follows must itself be prefix-free; whoever feeds the hasher says how.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Changes whenever the same request would get another digest: entries of other versions are then never met.
const FORMAT: u8 = 1;

/// What ends a text that is fed piece by piece: UTF-8 never contains it.
const END_OF_TEXT: u8 = 0xff;

/// 256 bits that stand for their input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

/// What is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name and its value.
    Member = 1,
    /// The members of an object.
    Object = 2,
    /// All that an answer depends on.
    Key = 3,
    /// What a client proves itself with.
    Credential = 4,
    /// A tenant's name.
    Name = 5,
}

/// Small pieces are gathered up to so many bytes: most of what is fed is a byte or a few, and each call of the hash has
/// its price.
const GATHERED: usize = 256;

/// Takes the input of one digest after the other. It is about two kilobytes large.
pub(crate) struct Hasher {
    hash: blake3::Hasher,
    gathered: [u8; GATHERED],
    filled: usize,
}

impl Digest {
    /// The digest that these bytes are, as [`Self::as_bytes`] gave them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// All of it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Half of it: enough to find an entry by, if the entry then holds all of it.
    #[must_use]
    pub fn prefix(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    /// Which of `count` shards or sets it belongs to; 0 where there are none. Not from the bytes of the prefix, so
    /// that the prefixes of one set stay as different as all others.
    #[must_use]
    pub fn shard(&self, count: u32) -> u32 {
        let word = self.0.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        u32::try_from(word % u64::from(count.max(1))).unwrap_or(0)
    }
}

/// In hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Hasher {
    /// One that takes the input of a digest of this kind.
    pub(crate) fn new(kind: Kind) -> Self {
        let mut hasher = Self { hash: blake3::Hasher::new(), gathered: [0; GATHERED], filled: 0 };
        hasher.begin(kind);
        hasher
    }

    /// Begins the input of another digest; what was fed and not finished is forgotten.
    pub(crate) fn begin(&mut self, kind: Kind) {
        self.hash.reset();
        self.filled = 0;
        self.byte(FORMAT);
        self.byte(kind as u8);
    }

    /// The next bytes of something whose length is known already, or of a text.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if self.filled + bytes.len() > GATHERED {
            self.flush();
        }
        match self.gathered.get_mut(self.filled..self.filled + bytes.len()) {
            Some(space) => {
                space.copy_from_slice(bytes);
                self.filled += bytes.len();
            }
            None => {
                self.hash.update(bytes);
            }
        }
    }

    /// The next byte.
    pub(crate) fn byte(&mut self, byte: u8) {
        if self.filled == GATHERED {
            self.flush();
        }
        if let Some(space) = self.gathered.get_mut(self.filled) {
            *space = byte;
            self.filled += 1;
        }
    }

    /// The text that was fed piece by piece is over.
    pub(crate) fn end_text(&mut self) {
        self.byte(END_OF_TEXT);
    }

    /// A number, in a fixed width.
    pub(crate) fn number(&mut self, number: u64) {
        self.update(&number.to_le_bytes());
    }

    /// Any bytes, after their length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.update(bytes);
    }

    /// The digest of what was fed since the beginning.
    pub(crate) fn finish(&mut self) -> Digest {
        self.flush();
        Digest(*self.hash.finalize().as_bytes())
    }

    fn flush(&mut self) {
        self.hash.update(self.gathered.get(..self.filled).unwrap_or_default());
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_digest_is_the_same_on_every_machine() {
        let mut hasher = Hasher::new(Kind::Key);
        hasher.bytes(b"abc");
        let digest = hasher.finish();
        let expected = blake3::hash(b"\x01\x03\x03\0\0\0\0\0\0\0abc");
        assert_eq!(digest.to_string(), expected.to_hex().as_str());
        assert_eq!(digest, Digest::from_bytes(*digest.as_bytes()));
        assert_eq!(digest.prefix(), digest.as_bytes()[..16]);
    }

    #[test]
    fn a_hasher_begins_anew_and_kinds_differ() {
        let mut hasher = Hasher::new(Kind::Object);
        hasher.update(b"forgotten");
        hasher.begin(Kind::Member);
        assert_eq!(hasher.finish(), Hasher::new(Kind::Member).finish());
        assert_ne!(hasher.finish(), Hasher::new(Kind::Object).finish());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_pieces_a_text_comes(
            pieces in proptest::collection::vec((any::<u8>(), 0usize..600), 0..12),
        ) {
            let mut hasher = Hasher::new(Kind::Key);
            let mut whole = vec![FORMAT, Kind::Key as u8];
            for (byte, length) in pieces {
                let piece = vec![byte; length];
                if length == 1 { hasher.byte(byte) } else { hasher.update(&piece) }
                whole.extend(piece);
            }
            let expected = Digest::from_bytes(*blake3::hash(&whole).as_bytes());
            prop_assert_eq!(hasher.finish(), expected);
        }
    }

    #[test]
    fn shards_are_used_evenly() {
        let mut counts = [0; 16];
        for number in 0..1_600 {
            let mut hasher = Hasher::new(Kind::Key);
            hasher.number(number);
            counts[hasher.finish().shard(16) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (50..=150).contains(count)), "{counts:?}");
        assert_eq!(Digest::from_bytes([7; 32]).shard(0), 0);
    }
}
