//! The list of directives in a field's value.

use std::time::Duration;

/// The longest time that counts (RFC 9111, section 1.2.2): 2³¹ seconds.
pub(super) const LONGEST: Duration = Duration::from_secs(1 << 31);

/// One directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    name: &'a [u8],
    value: Option<&'a [u8]>,
}

/// The directives of all lines of the field, from the first to the last.
pub(super) fn directives<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Directive<'a>> {
    lines.into_iter().flat_map(|line| Elements { rest: line }).filter_map(Directive::of)
}

impl<'a> Directive<'a> {
    fn of(element: &'a [u8]) -> Option<Self> {
        let equals = element.iter().position(|byte| *byte == b'=');
        let (name, value) = element.split_at_checked(equals.unwrap_or(element.len()))?;
        let name = name.trim_ascii();
        let value = value.strip_prefix(b"=").map(<[u8]>::trim_ascii);
        (!name.is_empty()).then_some(Self { name, value })
    }

    /// Whether it is the one of this name, which is in lower case.
    pub(super) fn is(self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether it has a value.
    pub(super) const fn has_value(self) -> bool {
        self.value.is_some()
    }

    /// Its value as a time; `None` where it is none, or there is no value.
    pub(super) fn seconds(self) -> Option<Duration> {
        // Section 5.2: both forms of a value are to be accepted, max-age=10 and max-age="10".
        let value = self.value?;
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = std::str::from_utf8(value).ok()?.parse().map_or(LONGEST, Duration::from_secs);
        Some(number.min(LONGEST))
    }
}

/// What the commas of a list part, but for those between quotes.
struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = self.rest.iter().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b',' => return !quoted,
                _ => {}
            }
            false
        });
        let (element, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest.strip_prefix(b",").unwrap_or(rest);
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(lines: &[&str], expected: &[(&str, Option<&str>)]) {
        let found: Vec<_> = directives(lines.iter().map(|line| line.as_bytes())).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| Directive { name: name.as_bytes(), value: value.map(str::as_bytes) })
            .collect();
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn lists() {
        check(&[], &[]);
        check(&["", " , ,"], &[]);
        check(&["a, b=1 ,C", "d"], &[("a", None), ("b", Some("1")), ("C", None), ("d", None)]);
        check(&[r#"a="x,y\",z", b"#], &[("a", Some(r#""x,y\",z""#)), ("b", None)]);
        check(&["a=\"x, b"], &[("a", Some("\"x, b"))]);
        check(&["=1, a=, a=b=c"], &[("a", Some("")), ("a", Some("b=c"))]);
    }

    #[track_caller]
    fn seconds(value: &str, expected: Option<u64>) {
        let found = Directive { name: b"max-age", value: Some(value.as_bytes()) }.seconds();
        assert_eq!(found, expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn times() {
        seconds("0", Some(0));
        seconds("0060", Some(60));
        seconds("\"60\"", Some(60));
        seconds("2147483648", Some(1 << 31));
        seconds("2147483649", Some(1 << 31));
        seconds("99999999999999999999999999", Some(1 << 31));
        for value in ["", "\"\"", "-1", "+1", "1.5", "1s", "'1'", "\"1", "1 2", "\u{663}"] {
            seconds(value, None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            for directive in directives([line.as_slice()]) {
                prop_assert!(directive.seconds().is_none_or(|seconds| seconds <= LONGEST));
            }
        }
    }
}
