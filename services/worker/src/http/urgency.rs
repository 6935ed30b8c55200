//! How important a request is, and for how long its client waits: what the gateway and the client say in headers.

use axum::http::HeaderMap;
use spillway_contract::headers::PRIORITY;
use spillway_shedding::deadline::Asked;
use std::time::Instant;

/// Beside other requests that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Urgency {
    /// 0 is the most important.
    pub(super) level: u8,
    /// When its client waits no longer.
    pub(super) deadline: Option<Instant>,
}

impl Urgency {
    /// What the headers of a request say that came now. `levels` are the names, most important first; a request with none
    /// of them is in their middle.
    pub(super) fn of(headers: &HeaderMap, levels: &[String], now: Instant) -> Self {
        let header = |name: &str| headers.get(name).map(axum::http::HeaderValue::as_bytes);
        let named =
            header(PRIORITY).and_then(|name| levels.iter().position(|level| level.as_bytes() == name));
        let level = named.unwrap_or(levels.len() / 2);
        let asked = Asked {
            grpc_timeout: header("grpc-timeout"),
            read_timeout: header("x-stainless-read-timeout"),
            timeout: header("x-stainless-timeout"),
            millis: header("x-envoy-expected-rq-timeout-ms"),
        };
        Self {
            level: u8::try_from(level).unwrap_or(u8::MAX),
            deadline: asked.shortest().and_then(|within| now.checked_add(within)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use std::time::Duration;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], level: u8, within_ms: Option<u64>) {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let levels = ["critical", "standard", "sheddable"].map(str::to_owned);
        let now = Instant::now();
        let urgency = Urgency::of(&headers.iter().map(pair).collect(), &levels, now);
        let deadline = within_ms.map(|within| now + Duration::from_millis(within));
        assert_eq!(urgency, Urgency { level, deadline }, "{headers:?}");
    }

    #[test]
    fn what_headers_say() {
        check(&[], 1, None);
        check(&[(PRIORITY, "critical")], 0, None);
        check(&[(PRIORITY, "sheddable")], 2, None);
        check(&[(PRIORITY, "Critical")], 1, None);
        check(
            &[("x-stainless-timeout", "600"), ("x-envoy-expected-rq-timeout-ms", "15000")],
            1,
            Some(15_000),
        );
        check(&[("x-stainless-timeout", "a while"), ("grpc-timeout", "2S")], 1, Some(2_000));
    }
}
