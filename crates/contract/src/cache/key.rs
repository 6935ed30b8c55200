//! 32 bytes as text: keys of entries and hashes of tenants, in paths, queries and logs.

/// The 64 lower-case hex digits of `bytes`.
#[must_use]
pub fn to_hex(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
        text
    })
}

/// The first 8 hex digits: enough to follow an entry through a log, and no more.
#[must_use]
pub fn to_short_hex(bytes: &[u8; 32]) -> String {
    let mut text = to_hex(bytes);
    text.truncate(8);
    text
}

/// The bytes of 64 hex digits, in lower or upper case. `None` for anything else.
#[must_use]
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read_back() {
        let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 8 + 7).unwrap());
        let text = to_hex(&bytes);
        assert_eq!(text, "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff");
        assert_eq!(to_short_hex(&bytes), "070f171f");
        assert_eq!(from_hex(&text), Some(bytes));
        assert_eq!(from_hex(&text.to_uppercase()), Some(bytes));
    }

    #[test]
    fn nothing_else_is_read() {
        let good = to_hex(&[9; 32]);
        for bad in ["", "09", &good[..63], &format!("{good}0"), &good.replace('9', "g"), &"é".repeat(32)] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }
}
