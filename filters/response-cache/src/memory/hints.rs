//! Where this VM has found entries that are asked for all the time, so that their set's index need not be read for each.
//!
//! An index is two kilobytes that the host copies for every look. Once an entry is used so often that another use would
//! not change its index, the index has nothing to say but the way; that is remembered here, for the next few looks.
//! A hint can be wrong at any time: the way may hold another entry by then, which says its key, and the index is read.

use spillway_caching::digest::Digest;

/// How many entries are remembered; a power of two.
const PLACES: usize = 1 << 10;

/// How often in a row a hint is followed before the index is read again, which counts the use there: an entry must not
/// be forgotten there while it is in demand here.
const USES: u8 = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Hint {
    prefix: u64,
    way: u16,
    /// 0: no hint.
    left: u8,
}

/// Ways by key, where the newer takes the place of the older.
#[derive(Debug, Default)]
pub(super) struct Hints(Vec<Hint>);

impl Hints {
    /// The way in which an entry was found lately.
    pub(super) fn take(&mut self, key: Digest) -> Option<u16> {
        let prefix = prefix(key);
        let hint = self.0.get_mut(place(prefix)).filter(|hint| hint.prefix == prefix)?;
        hint.left = hint.left.checked_sub(1)?;
        Some(hint.way)
    }

    /// An entry was found there.
    pub(super) fn note(&mut self, key: Digest, way: u16) {
        if self.0.is_empty() {
            self.0.resize(PLACES, Hint::default());
        }
        let prefix = prefix(key);
        if let Some(hint) = self.0.get_mut(place(prefix)) {
            *hint = Hint { prefix, way, left: USES };
        }
    }
}

fn prefix(key: Digest) -> u64 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn place(prefix: u64) -> usize {
    usize::try_from(prefix).unwrap_or(0) & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_followed_a_few_times_and_then_renewed() {
        let (mut hints, key, other) =
            (Hints::default(), Digest::from_bytes([7; 32]), Digest::from_bytes([8; 32]));
        assert_eq!(hints.take(key), None);
        hints.note(key, 5);
        assert_eq!(hints.take(other), None);
        for _ in 0..USES {
            assert_eq!(hints.take(key), Some(5));
        }
        assert_eq!(hints.take(key), None);
        hints.note(key, 6);
        assert_eq!(hints.take(key), Some(6));
    }

    #[test]
    fn of_two_keys_in_one_place_the_newer_stays() {
        let mut bytes = [7; 32];
        let older = Digest::from_bytes(bytes);
        bytes[7] ^= 1;
        let newer = Digest::from_bytes(bytes);
        let mut hints = Hints::default();
        hints.note(older, 1);
        hints.note(newer, 2);
        assert_eq!((hints.take(older), hints.take(newer)), (None, Some(2)));
    }
}
