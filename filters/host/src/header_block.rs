//! All headers of a map in one piece, as the ABI hands them over: for filters that look at several, because each call to
//! the host has its price.

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
        let mut bytes = Vec::new();
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend_from_slice(&size(headers.len()));
        for (name, value) in headers {
            bytes.extend_from_slice(&size(name.as_ref().len()));
            bytes.extend_from_slice(&size(value.as_ref().len()));
        }
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_ref());
            bytes.push(0);
            bytes.extend_from_slice(value.as_ref());
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
        let (count, rest) = split_number(&self.bytes).unwrap_or((0, &[]));
        let (sizes, mut data) = rest.split_at_checked(count.saturating_mul(8)).unwrap_or((&[], &[]));
        let mut sizes = sizes.chunks_exact(4).map(|size| split_number(size).map_or(0, |(size, _)| size));
        std::iter::from_fn(move || {
            let name = text(&mut data, sizes.next()?)?;
            Some((name, text(&mut data, sizes.next()?)?))
        })
    }

    /// The first value of a header, whose name is given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }

    /// Every value of a header, whose name is given in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }
}

fn split_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// The next text of that size, and the NUL behind it.
fn text<'a>(data: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (text, rest) = data.split_at_checked(size)?;
    *data = rest.split_first()?.1;
    Some(text)
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
