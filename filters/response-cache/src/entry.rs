//! Between an answer and its entry.

use std::time::Duration;

use spillway_caching::control::ResponseControl;
use spillway_caching::freshness::{Freshness, Times, Ttl};
use spillway_contract::cache::entry::{Damage, EntryRef, is_kept};
use spillway_host::HeaderBlock;
use spillway_primitives::Timestamp;

use crate::ask::Ask;
use crate::config::CacheRule;

/// The times of an entry, for requests of a rule: an entry says how long it may be stale at all, and the rule how long for a
/// service that is busy.
pub(crate) fn freshness(entry: &EntryRef<'_>, rule: &CacheRule) -> Freshness {
    let millis = Duration::from_millis;
    Freshness::from_times(Times {
        stored_at: Timestamp::from_millis(entry.stored_at_ms),
        lifetime: millis(entry.fresh_ms),
        stale_while_revalidate: millis(entry.stale_while_revalidate_ms),
        stale_if_error: millis(entry.stale_if_error_ms),
        stale_when_busy: millis(entry.stale_ms.min(rule.stale_when_busy_ms.get())),
    })
}

/// How long an answer may be used, by what it says and by what the rule says.
pub(crate) fn lifetime(
    head: &HeaderBlock,
    control: &ResponseControl,
    ttl: &Ttl,
    now: Timestamp,
) -> Freshness {
    let age = head.get("age").and_then(|age| std::str::from_utf8(age).ok()?.trim().parse().ok());
    Freshness::of(control, ttl, Duration::from_secs(age.unwrap_or(0)), now)
}

/// An answer as an entry.
///
/// # Errors
///
/// [`Damage`] where its headers are too long.
pub(crate) fn encode(
    ask: &Ask,
    head: &HeaderBlock,
    body: &[u8],
    freshness: &Freshness,
    release: &str,
) -> Result<Vec<u8>, Damage> {
    let text = |name: &'_ [u8]| std::str::from_utf8(name).ok().map(str::to_owned);
    let kept: Vec<(String, &[u8])> = head
        .iter()
        .filter_map(|(name, value)| Some((text(name)?, value)))
        .filter(|(name, _)| is_kept(name))
        .collect();
    let times = freshness.times();
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    EntryRef {
        key: *ask.key.as_bytes(),
        stored_at_ms: times.stored_at.as_millis(),
        fresh_ms: millis(times.lifetime),
        stale_ms: millis(times.stale_when_busy.max(times.stale_if_error).max(times.stale_while_revalidate)),
        stale_while_revalidate_ms: millis(times.stale_while_revalidate),
        stale_if_error_ms: millis(times.stale_if_error),
        status: 200,
        headers: kept.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
        tenant: ask.tenant_bytes(),
        model: ask.model.as_deref().unwrap_or_default(),
        revision: release,
        body,
    }
    .encode()
}
