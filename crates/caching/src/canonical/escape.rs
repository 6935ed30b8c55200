//! The inside of a string: what stands for itself, and what is escaped.

use super::Reason;

/// How many bytes from here on stand for themselves.
///
/// A prompt is one long string, so this is where its bytes go by: eight at a time.
pub(super) fn plain(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk() {
        if has_special(u64::from_le_bytes(*word)) {
            break;
        }
        rest = after;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    text.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Whether any of eight bytes is a quote, a backslash or a control character. It may be wrong about a byte that
/// follows such a one, never about there being none.
const fn has_special(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    // A byte less than n (at most 0x80) borrows its high bit; bytes from 0x80 on have it anyway.
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH != 0
}

/// The character that an escape stands for, and what follows it; `text` begins after the backslash.
pub(super) fn resolve(text: &[u8]) -> Result<(char, &[u8]), Reason> {
    let (kind, rest) = text.split_first().ok_or(Reason::NotJson)?;
    let character = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        _ => return Err(Reason::NotJson),
    };
    Ok((character, rest))
}

/// Four hexadecimal digits, or two times four for a character outside of the basic plane (RFC 8259, section 7).
fn unicode(text: &[u8]) -> Result<(char, &[u8]), Reason> {
    let (first, rest) = four_digits(text)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, rest));
    }
    let second = rest.strip_prefix(br"\u").ok_or(Reason::LoneSurrogate)?;
    let (second, rest) = four_digits(second)?;
    if !matches!((first, second), (0xd800..0xdc00, 0xdc00..0xe000)) {
        return Err(Reason::LoneSurrogate);
    }
    let pair = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
    char::from_u32(pair).map(|character| (character, rest)).ok_or(Reason::LoneSurrogate)
}

fn four_digits(text: &[u8]) -> Result<(u32, &[u8]), Reason> {
    let (digits, rest) = text.split_first_chunk::<4>().ok_or(Reason::NotJson)?;
    let mut number = 0;
    for digit in digits {
        number = number << 4 | char::from(*digit).to_digit(16).ok_or(Reason::NotJson)?;
    }
    Ok((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(text: &str, expected: Result<char, Reason>) {
        assert_eq!(resolve(text.as_bytes()).map(|(character, _)| character), expected, "{text}");
    }

    #[test]
    fn escapes() {
        check("n rest", Ok('\n'));
        check("/", Ok('/'));
        check("u0041", Ok('A'));
        check("u00E9", Ok('é'));
        check("u0000", Ok('\0'));
        check("uffff", Ok('\u{ffff}'));
        check(r"ud83d\ude00", Ok('😀'));
        check("", Err(Reason::NotJson));
        check("x", Err(Reason::NotJson));
        check("u12", Err(Reason::NotJson));
        check("u+123", Err(Reason::NotJson));
        check(r"ud83d\ude0", Err(Reason::NotJson));
        check("ud83d", Err(Reason::LoneSurrogate));
        check("ude00", Err(Reason::LoneSurrogate));
        check(r"ude00\ud83d", Err(Reason::LoneSurrogate));
        check(r"ud83d\u0041", Err(Reason::LoneSurrogate));
        check(r"ud83d\n", Err(Reason::LoneSurrogate));
    }

    proptest! {
        #[test]
        fn what_stands_for_itself_is_found_byte_by_byte_too(
            mut text in proptest::collection::vec(any::<u8>(), 0..40), at: proptest::sample::Index,
        ) {
            if !text.is_empty() {
                let at = at.index(text.len());
                text[at] = b"\"\\\x1f\x20\x80\xa2"[at % 6];
            }
            let expected = text.iter().take_while(|byte| **byte >= 0x20 && !b"\"\\".contains(byte)).count();
            prop_assert_eq!(plain(&text), expected);
        }
    }
}
