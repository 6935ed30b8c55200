//! All headers of a map in one piece, as the ABI hands them over: for filters that look at several, because each call to
//! the host has its price.

use crate::{Headers, Host};

/// The size of the number of headers.
const COUNT: usize = 4;
/// The size of the sizes of one name and its value.
const SIZES: usize = 8;

/// Headers in the ABI's form: their number, the sizes of each name and value, then both with a NUL behind each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderBlock {
    bytes: Vec<u8>,
}

impl HeaderBlock {
    /// The headers that the host handed over. What is no such block has no headers.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// A block of these headers.
    #[must_use]
    pub fn of<Name: AsRef<[u8]>, Value: AsRef<[u8]>>(headers: &[(Name, Value)]) -> Self {
        let pieces = || headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let data: usize = pieces().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut bytes = Vec::with_capacity(COUNT + headers.len() * SIZES + data);
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend_from_slice(&size(headers.len()));
        for (name, value) in pieces() {
            bytes.extend_from_slice(&size(name.len()));
            bytes.extend_from_slice(&size(value.len()));
        }
        for (name, value) in pieces() {
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(value);
            bytes.push(0);
        }
        Self { bytes }
    }

    /// The block's bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Every header, name in lower case, in their order. Not always UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (sizes, data) = self.parts();
        places(sizes).map_while(move |place| Some((place.name(data)?, place.value(data)?)))
    }

    /// The first value of a header, whose name is given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The status of an answer with these headers; `None` where they hold none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        number(self.get(":status")?)
    }

    /// Every value of a header, whose name is given in lower case.
    ///
    /// Filters ask for a dozen names per request, so a name of another length is passed over by its length alone.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let (sizes, data) = self.parts();
        places(sizes)
            .filter(move |place| place.name_size == name.len() && place.name(data) == Some(name.as_bytes()))
            .map_while(move |place| place.value(data))
    }

    /// The sizes of names and values, and then those.
    fn parts(&self) -> (&[[u8; SIZES]], &[u8]) {
        let parts = self.bytes.split_first_chunk::<COUNT>().and_then(|(count, rest)| {
            let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
            let (sizes, data) = rest.split_at_checked(count.checked_mul(SIZES)?)?;
            Some((sizes.as_chunks().0, data))
        });
        parts.unwrap_or_default()
    }
}

/// The status of the answer whose headers are in this map; `None` where there is none.
#[must_use]
pub fn status_of(host: &dyn Host, map: Headers) -> Option<u16> {
    number(&host.header(map, ":status").ok()??)
}

fn number(text: &[u8]) -> Option<u16> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Where one header lies.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    name_size: usize,
    value_size: usize,
}

impl Place {
    fn name(self, data: &[u8]) -> Option<&[u8]> {
        data.get(self.at..)?.get(..self.name_size)
    }

    /// None where the NUL behind it is missing.
    fn value(self, data: &[u8]) -> Option<&[u8]> {
        data.get(self.at + self.name_size + 1..)?
            .get(..=self.value_size)?
            .split_last()
            .map(|(_, value)| value)
    }
}

fn places(sizes: &[[u8; SIZES]]) -> impl Iterator<Item = Place> {
    let mut at = 0_usize;
    sizes.iter().map_while(move |sizes| {
        let both = u64::from_le_bytes(*sizes);
        let name_size = usize::try_from(both & u64::from(u32::MAX)).ok()?;
        let value_size = usize::try_from(both >> 32).ok()?;
        let place = Place { at, name_size, value_size };
        at = at.checked_add(name_size)?.checked_add(value_size)?.checked_add(2)?;
        Some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let headers = [("a", &b"1"[..]), ("b", b""), ("a", b"\xff\0")];
        let block = HeaderBlock::of(&headers);
        assert_eq!(block.iter().collect::<Vec<_>>(), headers.map(|(name, value)| (name.as_bytes(), value)));
        assert_eq!((block.get("a"), block.get("b"), block.get("c")), (Some(&b"1"[..]), Some(&b""[..]), None));
        assert_eq!(block.all("a").count(), 2);
    }

    #[test]
    fn what_is_no_block_has_no_headers() {
        let whole = HeaderBlock::of(&[("name", "value")]).into_bytes();
        for cut in 0..whole.len() {
            assert_eq!(HeaderBlock::new(whole[..cut].to_vec()).iter().count(), 0, "{cut}");
        }
        assert_eq!(HeaderBlock::new(vec![0xff; 40]).iter().count(), 0);
    }
}
