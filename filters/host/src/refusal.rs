//! Refusing a request in the filter's own name.

use std::time::Duration;

use spillway_contract::error_body::{ErrorBody, ErrorCode};
use spillway_contract::headers::RETRY_AFTER;

use crate::{Host, LocalReply};

/// A wait as `Retry-After` has it: rounded up to whole seconds, and to one at least. A second more is better than too early.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Answers with the code's status, `Retry-After` and an OpenAI-style body.
pub fn refuse(host: &dyn Host, code: ErrorCode, message: &str, wait: Duration, details: &str) {
    let body = ErrorBody { code, message, param: None }.to_json();
    let seconds = whole_seconds(wait).to_string();
    let headers = vec![("content-type", "application/json"), (RETRY_AFTER, seconds.as_str())];
    let reply = LocalReply { status: code.status(), headers, body: body.as_bytes(), details };
    if let Err(error) = host.reply(&reply) {
        log::warn!("a request that should have been refused cannot be answered: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn the_wait_is_rounded_up() {
        for (millis, expected) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (30_000, "30")] {
            let host = Fake::new();
            let wait = Duration::from_millis(millis);
            refuse(&*host, ErrorCode::NoEndpoint, "nobody", wait, "test");
            let reply = host.last_reply().unwrap();
            assert_eq!(reply.status, 503);
            assert!(reply.headers.contains(&("retry-after".into(), expected.into())), "{millis}: {reply:?}");
            assert!(String::from_utf8(reply.body).unwrap().contains(r#""code":"no_endpoint""#));
        }
    }
}
