//! Who computes.

use std::fmt;

/// What an asker is told about the lease of an entry that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lease {
    /// It computes: `granted; <token>`.
    Granted(LeaseToken),
    /// Somebody else does: `taken`.
    Taken,
}

/// What proves that a lease was granted: 16 bytes, as 32 hex digits. It is a capability, so it is shown in no log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken([u8; 16]);

impl Lease {
    /// From a header's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "taken" {
            return Some(Self::Taken);
        }
        let token = text.strip_prefix("granted;")?;
        LeaseToken::parse(token.trim_start_matches(' ')).map(Self::Granted)
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted(token) => write!(f, "granted; {}", token.to_hex()),
            Self::Taken => f.write_str("taken"),
        }
    }
}

impl LeaseToken {
    /// A token of these bytes, which nobody can guess.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From a header's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok())?;
        number.map(|number| Self(number.to_be_bytes()))
    }

    /// The header's value.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read_back() {
        let token = LeaseToken::new(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        let text = "granted; 000102030405060708090a0b0c0d0e0f";
        assert_eq!(Lease::Granted(token).to_string(), text);
        for (text, expected) in [
            (text, Lease::Granted(token)),
            ("granted;000102030405060708090A0B0C0D0E0F", Lease::Granted(token)),
            ("taken", Lease::Taken),
        ] {
            assert_eq!(Lease::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in ["", "Taken", "granted", "granted; ", "granted; 0", "000102030405060708090a0b0c0d0e0f"] {
            assert_eq!(Lease::parse(text), None, "{text}");
        }
        assert_eq!(LeaseToken::parse("+00102030405060708090a0b0c0d0e0f"), None);
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", Lease::Granted(LeaseToken::new([7; 16]))), "Granted(LeaseToken(..))");
    }
}
