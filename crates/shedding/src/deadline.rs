//! The last moment at which it is of use to let a request go.
//!
//! Clients say for how long they wait: gRPC's with `grpc-timeout`, OpenAI's and Anthropic's (whose generator is Stainless)
//! with `x-stainless-read-timeout`, the time without a byte, and `x-stainless-timeout`, and any client with a header
//! that the operator names. The smallest counts, and the rule's own is always there. From that goes what serving takes:
//! a request that is let go at the last moment still has to be answered in time.
//!
//! A value that is no number, negative, or without its unit is as if it were not there: a client's mistake does not make
//! it wait for less than others. Zero is a client that waits for nothing, so its moment is the one at which it came.

use std::time::Duration;

use spillway_primitives::Timestamp;

/// Nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long a client waits, as it came. Each header's value, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// `grpc-timeout`: at most eight digits and a unit, `H`, `M`, `S`, `m` (ms), `u` (µs) or `n`.
    pub grpc_timeout: Option<&'a [u8]>,
    /// `x-stainless-read-timeout`: seconds, with a fraction or without.
    pub read_timeout: Option<&'a [u8]>,
    /// `x-stainless-timeout`: likewise.
    pub timeout: Option<&'a [u8]>,
    /// The header that the operator names: whole milliseconds.
    pub millis: Option<&'a [u8]>,
}

impl Asked<'_> {
    /// The shortest time that was asked for; `None` if none was that makes sense.
    #[must_use]
    pub fn shortest(&self) -> Option<Duration> {
        let times = [
            self.grpc_timeout.and_then(grpc),
            self.read_timeout.and_then(seconds),
            self.timeout.and_then(seconds),
            self.millis.and_then(digits).map(Duration::from_millis),
        ];
        times.into_iter().flatten().min()
    }
}

/// The last moment at which it is of use to let a request go that came at `arrived`, where the rule lets one wait for
/// `own` and serving it takes `service`. Not before it came: then nobody can serve it in time, and nobody waits for that.
#[must_use]
pub fn latest_start(arrived: Timestamp, asked: &Asked<'_>, own: Duration, service: Duration) -> Timestamp {
    let within = asked.shortest().map_or(own, |asked| asked.min(own)).min(LONGEST);
    arrived.plus(within.saturating_sub(service))
}

fn grpc(value: &[u8]) -> Option<Duration> {
    let (unit, number) = value.split_last()?;
    // The gRPC protocol allows eight digits.
    if number.len() > 8 {
        return None;
    }
    let number = digits(number)?;
    Some(match unit {
        b'H' => Duration::from_secs(number.saturating_mul(3600)),
        b'M' => Duration::from_secs(number.saturating_mul(60)),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

fn seconds(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    // `parse` would take "inf", "+1" and "1e9" too.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| is_plain)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST))
}

fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[track_caller]
    fn reads(parse: fn(&[u8]) -> Option<Duration>, cases: &[(&str, Option<u64>)]) {
        for (text, micros) in cases {
            assert_eq!(parse(text.as_bytes()), micros.map(Duration::from_micros), "{text:?}");
        }
    }

    #[test]
    fn grpc_units() {
        let known = [("1H", 3_600_000_000), ("2M", 120_000_000), ("3S", 3_000_000), ("4m", 4_000), ("5u", 5)];
        reads(grpc, &known.map(|(text, micros)| (text, Some(micros))));
        assert_eq!(grpc(b"7n"), Some(Duration::from_nanos(7)));
        assert_eq!(grpc(b"99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        reads(grpc, &["", "S", "5", "5s", "-5S", "5.5S", "123456789S", "S5"].map(|text| (text, None)));
    }

    #[test]
    fn seconds_with_and_without_a_fraction() {
        reads(
            seconds,
            &[("600", Some(600_000_000)), ("0.25", Some(250_000)), (" 1 ", Some(1_000_000)), ("0", Some(0))],
        );
        reads(seconds, &["", "nan", "inf", "-1", "1e3", "not_given", "1.2.3", "."].map(|text| (text, None)));
        assert_eq!(seconds("9".repeat(400).as_bytes()), Some(LONGEST));
    }

    #[test]
    fn the_shortest_counts_less_what_serving_takes() {
        let arrived = Timestamp::from_millis(1_000_000);
        let own = Duration::from_secs(30);
        let after = |asked: &Asked<'_>, service| {
            latest_start(arrived, asked, own, Duration::from_millis(service)).since(arrived).as_millis()
        };
        assert_eq!(after(&Asked::default(), 0), 30_000);
        let asked = Asked { grpc_timeout: Some(b"5S"), millis: Some(b"1500"), ..Asked::default() };
        assert_eq!(after(&asked, 400), 1_100);
        assert_eq!(after(&asked, 2_000), 0);
        let nonsense = Asked { grpc_timeout: Some(b"soon"), millis: Some(b"-1"), ..Asked::default() };
        assert_eq!(after(&nonsense, 0), 30_000);
        let nothing = Asked { timeout: Some(b"0"), ..Asked::default() };
        assert_eq!(after(&nothing, 0), 0);
        let patient = Asked { timeout: Some(b"99999999"), read_timeout: Some(b"60"), ..Asked::default() };
        assert_eq!(after(&patient, 0), 30_000);
    }
}
