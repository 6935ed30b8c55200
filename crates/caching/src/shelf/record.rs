//! The bytes of a set, read where they lie.
//!
//! ```text
//! version u8 | entries u16 | fingerprints u16 | entries, oldest first | fingerprints of 4 bytes, oldest first
//! ```

use super::Prefix;
use super::item::{self, Item, STATE_AT};

const VERSION: u8 = 1;
const HEAD: usize = 5;

/// A record, looked at but not copied.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    whole: &'a [u8],
    items: &'a [[u8; item::BYTES]],
    ghosts: &'a [[u8; 4]],
}

impl<'a> Record<'a> {
    /// What the bytes hold; nothing where they are no record of this release.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self::checked(bytes).unwrap_or(Self { whole: &[], items: &[], ghosts: &[] })
    }

    fn checked(whole: &'a [u8]) -> Option<Self> {
        let (head, rest) = whole.split_first_chunk::<HEAD>()?;
        let [VERSION, items @ .., ghosts_low, ghosts_high] = head else { return None };
        let items = usize::from(u16::from_le_bytes(*items));
        let ghosts = usize::from(u16::from_le_bytes([*ghosts_low, *ghosts_high]));
        let (items, rest) = rest.split_at_checked(items * item::BYTES)?;
        let ((items, []), (rest, [])) = (items.as_chunks(), rest.as_chunks()) else { return None };
        (rest.len() == ghosts).then_some(Self { whole, items, ghosts: rest })
    }

    pub(super) const fn items(self) -> &'a [[u8; item::BYTES]] {
        self.items
    }

    pub(super) const fn ghosts(self) -> &'a [[u8; 4]] {
        self.ghosts
    }

    pub(super) fn item(self, prefix: &Prefix) -> Option<&'a [u8; item::BYTES]> {
        self.items.iter().find(|item| item.starts_with(prefix))
    }

    /// A copy in which one entry has been used once more; `None` where there is none, or nothing changes.
    pub(super) fn touched(self, prefix: &Prefix) -> Option<Vec<u8>> {
        let at = self.items.iter().position(|item| item.starts_with(prefix))?;
        let at = HEAD + at * item::BYTES + STATE_AT;
        let state = item::used(*self.whole.get(at)?)?;
        let mut record = self.whole.to_vec();
        *record.get_mut(at)? = state;
        Some(record)
    }
}

/// The bytes of a record.
pub(super) fn write(items: &[Item], ghosts: &[[u8; 4]]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD + items.len() * item::BYTES + ghosts.len() * 4);
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    record.push(VERSION);
    record.extend(count(items.len()));
    record.extend(count(ghosts.len()));
    items.iter().for_each(|item| item.write(&mut record));
    record.extend(ghosts.as_flattened());
    record
}
