//! The query of a path: names and values, percent-encoded (RFC 3986, section 2.1).
//!
//! What is wrong with a value is said without repeating it: it could be a tenant.

/// Why a query is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum QueryError {
    /// A name that means nothing here.
    #[error("the query has a name that is not known")]
    UnknownName,
    /// A part without `=`, or with a `%` that begins no byte, or that is no UTF-8.
    #[error("the query is not made of name=value, percent-encoded")]
    Malformed,
    /// The same name again.
    #[error("{0} is there twice")]
    Twice(&'static str),
    /// A number that is none, or out of its range.
    #[error("{name}: expected a number from {min} to {max}")]
    Range {
        /// Whose value.
        name: &'static str,
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// Any other value that is not right.
    #[error("{name}: expected {expected}")]
    Value {
        /// Whose value.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A name that says something about another, which is missing.
    #[error("{name} needs {other}")]
    Without {
        /// The one that is there.
        name: &'static str,
        /// The one that is not.
        other: &'static str,
    },
    /// Not one of the choices, or two that do not go together.
    #[error("expected {0}")]
    Choice(&'static str),
}

/// The names and values of a query, decoded.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = Result<(String, String), QueryError>> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| {
        let (name, value) = part.split_once('=').ok_or(QueryError::Malformed)?;
        Ok((decode(name)?, decode(value)?))
    })
}

/// Letters, digits and `-._~` as they are, every other byte as `%` and two hex digits.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decode(text: &str) -> Result<String, QueryError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = if byte == b'%' { hex_pair(&mut rest).ok_or(QueryError::Malformed)? } else { byte };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| QueryError::Malformed)
}

fn hex_pair(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let mut digit = || char::from(rest.next()?).to_digit(16);
    u8::try_from(digit()? << 4 | digit()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_malformed() {
        for query in ["x", "x=%", "x=%1", "x=%zz", "x=%ff", "=1&y"] {
            let all: Result<Vec<_>, _> = pairs(query).collect();
            assert_eq!(all, Err(QueryError::Malformed), "{query}");
        }
        assert_eq!(pairs("&a=&=b&").count(), 2);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in ".{0,60}") {
            let encoded = encode(&text);
            prop_assert!(encoded.is_ascii() && !encoded.contains(['&', '=', '+', ' ', '#', '?', '/']));
            prop_assert_eq!(decode(&encoded), Ok(text));
        }

        #[test]
        fn arbitrary_text_is_survived(text in ".{0,60}") {
            let _: Vec<_> = pairs(&text).collect();
        }
    }
}
