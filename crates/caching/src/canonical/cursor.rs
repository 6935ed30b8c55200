//! The tokens of JSON text (RFC 8259), taken from its beginning.

use super::Reason;
use super::escape;

/// What is left of a text that is known to be UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// The byte that the next token begins with; white space before it is gone.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some((first, rest)) = self.rest.split_first() {
            if !matches!(first, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*first);
            }
            self.rest = rest;
        }
        None
    }

    /// Takes the next token if it is this byte.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.advance(1);
        }
        is_next
    }

    /// Takes the next token, which must be this byte.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Reason> {
        if self.take(byte) { Ok(()) } else { Err(Reason::NotJson) }
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn literal(&mut self, word: &[u8]) -> Result<(), Reason> {
        self.rest = self.rest.strip_prefix(word).ok_or(Reason::NotJson)?;
        Ok(())
    }

    /// Takes a number, as it is written.
    pub(super) fn number(&mut self) -> Result<&'a [u8], Reason> {
        let start = *self;
        if self.rest.first() == Some(&b'-') {
            self.advance(1);
        }
        // A zero stands alone.
        if self.rest.first() == Some(&b'0') {
            self.advance(1);
        } else {
            self.digits()?;
        }
        if self.rest.first() == Some(&b'.') {
            self.advance(1);
            self.digits()?;
        }
        if matches!(self.rest.first(), Some(b'e' | b'E')) {
            self.advance(1);
            if matches!(self.rest.first(), Some(b'+' | b'-')) {
                self.advance(1);
            }
            self.digits()?;
        }
        Ok(start.until(*self))
    }

    /// Takes a string, and gives its text piece by piece with the escapes resolved. Pieces hold whole characters.
    pub(super) fn string(&mut self, mut piece: impl FnMut(&[u8])) -> Result<(), Reason> {
        self.expect(b'"')?;
        loop {
            let plain = escape::plain(self.rest);
            let (before, rest) = self.rest.split_at_checked(plain).ok_or(Reason::NotJson)?;
            piece(before);
            let (first, rest) = rest.split_first().ok_or(Reason::NotJson)?;
            self.rest = rest;
            match first {
                b'"' => return Ok(()),
                b'\\' => {
                    let (character, rest) = escape::resolve(rest)?;
                    piece(character.encode_utf8(&mut [0; 4]).as_bytes());
                    self.rest = rest;
                }
                // RFC 8259, section 7: control characters must be escaped.
                _ => return Err(Reason::NotJson),
            }
        }
    }

    /// What lies between here and a later place in the same text.
    pub(super) fn until(self, later: Self) -> &'a [u8] {
        self.rest.get(..self.rest.len().saturating_sub(later.rest.len())).unwrap_or_default()
    }

    fn digits(&mut self) -> Result<(), Reason> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.advance(digits);
        if digits > 0 { Ok(()) } else { Err(Reason::NotJson) }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}
