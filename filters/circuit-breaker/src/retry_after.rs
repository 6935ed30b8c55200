//! How long an endpoint asks to be left alone.

use std::time::{Duration, SystemTime};

use spillway_primitives::Timestamp;

/// The wait that a `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3). `None` when it says neither.
pub(crate) fn wait(header: &[u8], now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(header).ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(now.since(Timestamp::ZERO)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_or_a_date() {
        let now = Timestamp::from_millis(784_111_777_000);
        for (header, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(wait(header.as_bytes(), now), seconds.map(Duration::from_secs), "{header:?}");
        }
        assert_eq!(wait(b"\xff", now), None);
    }
}
