//! Bytes to text, where a character may come in several pieces.

/// Text out of bytes that come in pieces of any split. Bytes that are no UTF-8 become U+FFFD.
#[derive(Debug, Default)]
pub(in super::super) struct Utf8Stream {
    /// The beginning of a character, at most three bytes.
    held: Vec<u8>,
}

impl Utf8Stream {
    /// Takes the next bytes, gives the characters that they complete.
    pub(in super::super) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let complete = self.held.len() - unfinished(&self.held);
        let rest = self.held.split_off(complete);
        let bytes = std::mem::replace(&mut self.held, rest);
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// How many bytes at the end are the beginning of a character that could still become whole.
fn unfinished(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes.get(last_start(bytes)..).unwrap_or_default()) {
        // No length: more bytes could make it whole. Otherwise it is wrong already.
        Err(error) if error.error_len().is_none() => bytes.len() - last_start(bytes),
        _ => 0,
    }
}

/// Where the last character begins, not more than four bytes from the end.
fn last_start(bytes: &[u8]) -> usize {
    let is_continuation = |byte: &u8| (0x80..0xc0).contains(byte);
    let continuations = bytes.iter().rev().take(3).take_while(|byte| is_continuation(byte)).count();
    bytes.len().saturating_sub(continuations + 1)
}

#[cfg(test)]
mod tests {
    use super::Utf8Stream;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[&str]) {
        let mut stream = Utf8Stream::default();
        let texts: Vec<_> = pieces.iter().map(|piece| stream.push(piece)).collect();
        assert_eq!(texts, expected, "{pieces:?}");
    }

    #[test]
    fn characters_across_borders() {
        check(&[b"a", b"b"], &["a", "b"]);
        check(&[b"caf\xc3", b"\xa9!"], &["caf", "é!"]);
        check(&[b"\xf0", b"\x9f", b"\xa6", b"\x80x"], &["", "", "", "🦀x"]);
        check(&[b"\xff", b"a"], &["\u{fffd}", "a"]);
        check(&[b"\xc3", b"a"], &["", "\u{fffd}a"]);
        check(&[b"\x80\x80\x80\x80\x80", b"a"], &["\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "a"]);
        check(&[b"", b""], &["", ""]);
    }

    proptest! {
        #[test]
        fn text_comes_out_as_it_was(text in any::<String>(), size in 1_usize..5) {
            let mut stream = Utf8Stream::default();
            let out: String = text.as_bytes().chunks(size).map(|piece| stream.push(piece)).collect();
            prop_assert_eq!(out, text);
            prop_assert!(stream.held.is_empty());
        }

        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..64), size in 1_usize..5) {
            let mut stream = Utf8Stream::default();
            for piece in bytes.chunks(size) {
                stream.push(piece);
                prop_assert!(stream.held.len() < 4);
            }
        }
    }
}
