//! The text of a prompt, as it passes: how much there is, and a hash of how it begins.
//!
//! A prompt is a string, a list of strings or of token numbers, or a conversation: a list of messages whose contents are
//! strings or lists of parts. So every string inside counts, wherever it stands, in the order of the document.

use std::fmt;
use std::hash::Hasher as _;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use twox_hash::XxHash64;

/// Stands between two pieces of text in the hash, and in no text: it is not UTF-8.
const BORDER: u8 = 0xff;

/// The prompt so far.
pub(super) struct Prompt {
    hasher: XxHash64,
    /// Bytes that may still go into the hash.
    left: usize,
    pieces: u32,
    bytes: u32,
}

impl Prompt {
    /// No prompt yet; the hash will be of its first `prefix_bytes`.
    pub(super) fn new(prefix_bytes: usize) -> Self {
        Self { hasher: XxHash64::with_seed(0), left: prefix_bytes, pieces: 0, bytes: 0 }
    }

    /// Bytes of text.
    pub(super) const fn bytes(&self) -> u32 {
        self.bytes
    }

    /// The hash of its beginning; `None` while there was nothing.
    pub(super) fn hash(&self) -> Option<u64> {
        (self.pieces > 0).then(|| self.hasher.finish())
    }

    /// Reads a value of the prompt.
    pub(super) fn text(&mut self) -> Text<'_> {
        Text { prompt: self, counts: true }
    }

    fn piece(&mut self, bytes: &[u8], counts: bool) {
        self.pieces = self.pieces.saturating_add(1);
        if counts {
            self.bytes = self.bytes.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        if self.left > 0 {
            let kept = bytes.get(..self.left).unwrap_or(bytes);
            self.hasher.write(kept);
            self.left -= kept.len();
            if self.left > 0 {
                self.hasher.write(&[BORDER]);
            }
        }
    }
}

/// Reads one value of a prompt. `counts`: its text is the prompt's own, not a role or a kind of part.
pub(super) struct Text<'a> {
    prompt: &'a mut Prompt,
    counts: bool,
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.prompt.piece(text.as_bytes(), self.counts);
        Ok(())
    }

    fn visit_u64<E>(self, token: u64) -> Result<(), E> {
        // A token number stands for about four bytes of text.
        self.prompt.piece(&u32::try_from(token).unwrap_or(u32::MAX).to_le_bytes(), self.counts);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { prompt, counts } = self;
        while items.next_element_seed(Text { prompt, counts })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { prompt, .. } = self;
        while let Some(counts) = members.next_key_seed(IsText)? {
            members.next_value_seed(Text { prompt, counts })?;
        }
        Ok(())
    }
}

/// Whether a member of that name holds text of the prompt.
struct IsText;

impl<'de> DeserializeSeed<'de> for IsText {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for IsText {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(matches!(name, "content" | "text"))
    }
}
