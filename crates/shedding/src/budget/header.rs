//! What is left of a budget, for clients: `RateLimit-Policy` and `RateLimit`.
//!
//! The syntax is that of draft-ietf-httpapi-ratelimit-headers-10 (2025), lists of structured-field strings (RFC 9651) with
//! parameters: `q` the quota and `w` its window in seconds, `r` what remains and `t` the seconds until it is reset. Only
//! these four are used, which the drafts since the eighth have in common.

use super::bucket::{Left, WINDOW};
use super::{Quota, Standing};

/// The value of `RateLimit-Policy`; empty where there is no quota.
#[must_use]
pub fn policy(quota: &Quota) -> String {
    let item = |name: &str, quota: u64| format!("\"{name}\";q={quota};w={}", WINDOW.as_secs());
    joined(
        quota.requests_per_minute.map(|quota| item("requests", quota)),
        quota.tokens_per_minute.map(|quota| item("tokens", quota)),
    )
}

/// The value of `RateLimit`; empty where there is no quota.
#[must_use]
pub fn limit(standing: &Standing) -> String {
    let item = |name: &str, left: Left| {
        // Rounded up: a client that comes a moment too early is refused again.
        let seconds = left.reset.as_millis().div_ceil(1000);
        format!("\"{name}\";r={};t={seconds}", left.remaining.max(0))
    };
    joined(
        standing.requests.map(|left| item("requests", left)),
        standing.tokens.map(|left| item("tokens", left)),
    )
}

fn joined(one: Option<String>, other: Option<String>) -> String {
    one.into_iter().chain(other).collect::<Vec<_>>().join(", ")
}
