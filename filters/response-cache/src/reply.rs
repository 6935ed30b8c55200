//! Answering a request from the cache.

use std::time::Duration;

use spillway_caching::freshness::{Freshness, State};
use spillway_caching::status::{CacheStatus, Forward, Tier};
use spillway_contract::cache::entry::EntryRef;
use spillway_contract::error_body::{ErrorBody, ErrorCode};
use spillway_host::{Decision, Host, LocalReply, Path};
use spillway_primitives::Timestamp;

use crate::ask::Ask;
use crate::entry;
use crate::shared::Shared;

/// Where the decision is left for the access log.
const DECISION: Path<'_> = Path("spillway_response_cache");

/// Where the entry came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It lay in a tier.
    Tier(Tier, State),
    /// Another request brought it.
    Collapsed,
}

/// Answers the request at hand with an entry, byte for byte as it was.
pub(crate) fn entry(shared: &Shared, ask: &Ask, entry: &EntryRef<'_>, origin: Origin, now: Timestamp) {
    let host = &*shared.host;
    let freshness = entry::freshness(entry, shared.rule(ask));
    let status = match origin {
        Origin::Tier(tier, _) => CacheStatus::hit(tier),
        Origin::Collapsed => CacheStatus::forward(Forward::Miss).collapsed(),
    };
    let status = with_key(shared, ask, status.ttl(ttl(&freshness, now))).to_string();
    let age = freshness.age(now).as_secs().to_string();
    let mut headers = Vec::with_capacity(entry.headers.len() + 2);
    let kept = entry.headers.iter();
    headers.extend(kept.filter_map(|(name, value)| Some((*name, std::str::from_utf8(value).ok()?))));
    headers.push(("age", &age));
    headers.push(("cache-status", &status));
    match origin {
        // All that there is to say stands in `Cache-Status`, which the access log prints, and to leave it on the stream would
        // be a twentieth of what such a hit costs.
        Origin::Tier(Tier::Memory, State::Fresh) => {}
        Origin::Tier(tier, State::Fresh) => decide("hit").with("tier", tier.as_str()).leave(host, DECISION),
        Origin::Tier(tier, stale) => {
            decide(stale.as_str()).with("tier", tier.as_str()).leave(host, DECISION);
        }
        Origin::Collapsed => decide("collapsed").leave(host, DECISION),
    }
    let etag = entry.headers.iter().find(|(name, _)| *name == "etag").map(|(_, value)| *value);
    let is_known = ask.if_none_match.as_deref().zip(etag).is_some_and(|(known, etag)| matches(known, etag));
    let (status, body) = if is_known { (304, &[][..]) } else { (entry.status, entry.body) };
    let reply = LocalReply { status, headers, body, details: "spillway_cache_hit" };
    if let Err(error) = host.reply(&reply) {
        log::warn!("a request cannot be answered from the cache: {error}");
    }
}

/// Answers a request that wants an entry or nothing, where there is none (RFC 9111, section 5.2.1.7).
pub(crate) fn not_cached(shared: &Shared) {
    let host = &*shared.host;
    shared.counters.not_cached.add(host, 1);
    decide("only_if_cached").leave(host, DECISION);
    let message = "the request says only-if-cached, and its answer is not cached";
    let body = ErrorBody { code: ErrorCode::NotCached, message, param: None }.to_json();
    let status = CacheStatus::forward(Forward::Miss).detail("only_if_cached").to_string();
    let headers = vec![("content-type", "application/json"), ("cache-status", status.as_str())];
    let code = ErrorCode::NotCached.status();
    let reply =
        LocalReply { status: code, headers, body: body.as_bytes(), details: "spillway_only_if_cached" };
    if let Err(error) = host.reply(&reply) {
        log::warn!("a request that wants only an entry cannot be answered: {error}");
    }
}

/// Says that a request goes on, and why.
pub(crate) fn leave_decision(host: &dyn Host, result: &str, reason: Option<&str>) {
    let decision = match reason {
        Some(reason) => decide(result).with("reason", reason),
        None => decide(result),
    };
    decision.leave(host, DECISION);
}

fn decide(result: &str) -> Decision {
    Decision::new().with("result", result)
}

/// What `Cache-Status` says, with the key where the operator wants that.
pub(crate) fn with_key(shared: &Shared, ask: &Ask, status: CacheStatus) -> CacheStatus {
    if shared.debug_key { status.key(ask.key) } else { status }
}

/// Seconds for which it is fresh yet, or has been stale.
fn ttl(freshness: &Freshness, now: Timestamp) -> i64 {
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match freshness.remaining(now) {
        Ok(left) => seconds(left),
        // Less than a second ago is stale already.
        Err(stale) => seconds(stale).saturating_add(1).saturating_neg(),
    }
}

/// Whether a client has an entry already: weak comparison, as for GET (RFC 9110, section 13.1.2).
fn matches(known: &[u8], etag: &[u8]) -> bool {
    let opaque = |tag: &[u8]| tag.trim_ascii().strip_prefix(b"W/").unwrap_or(tag.trim_ascii()).to_vec();
    known.trim_ascii() == b"*" || known.split(|byte| *byte == b',').any(|one| opaque(one) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_an_entry_if_any_of_its_tags_is_the_entrys() {
        for (known, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("", false),
        ] {
            assert_eq!(matches(known.as_bytes(), b"\"a\""), expected, "{known}");
        }
    }
}
