//! Which requests are in flight, for all Envoy workers of the process: who computes, and who waits.

use spillway_caching::digest::Digest;
use spillway_caching::flight::{Flights, Joined, Limits, Member};
use spillway_host::{Host, HostError, Slot};
use spillway_primitives::Timestamp;

/// Records; each is changed on its own, so that requests seldom get in one another's way.
const SHARDS: u32 = 64;

/// How often a change that others were faster at is begun anew.
const MOST_ROUNDS: u32 = 16;

/// Makes the keys. On configuration, before there is traffic.
pub(crate) fn create(host: &dyn Host) -> Result<(), HostError> {
    (0..SHARDS).try_for_each(|shard| slot(shard).create(host))
}

/// A request would like to wait for an identical one.
pub(crate) fn join(
    host: &dyn Host,
    key: Digest,
    member: Member,
    level: u8,
    now: Timestamp,
    limits: &Limits,
) -> Option<Joined> {
    change(host, key, |flights| flights.join(key, member, level, now, limits))
}

/// The answer is there: who is to have it.
pub(crate) fn complete(host: &dyn Host, key: Digest, member: Member) -> Vec<Member> {
    change(host, key, |flights| flights.complete(key, member)).unwrap_or_default()
}

/// The leader has no answer: who leads now.
pub(crate) fn fail(
    host: &dyn Host,
    key: Digest,
    member: Member,
    now: Timestamp,
    limits: &Limits,
) -> Option<Member> {
    change(host, key, |flights| flights.fail(key, member, now, limits)).flatten()
}

/// The answer cannot be stored: who is to go on alone.
pub(crate) fn pass(
    host: &dyn Host,
    key: Digest,
    member: Member,
    until: Timestamp,
    limits: &Limits,
) -> Vec<Member> {
    change(host, key, |flights| flights.pass(key, member, until, limits)).unwrap_or_default()
}

/// A request is gone, whatever it was: who leads now.
pub(crate) fn leave(
    host: &dyn Host,
    key: Digest,
    member: Member,
    now: Timestamp,
    limits: &Limits,
) -> Option<Member> {
    change(host, key, |flights| flights.leave(key, member, now, limits)).flatten()
}

fn change<T>(host: &dyn Host, key: Digest, mut change: impl FnMut(&mut Flights) -> T) -> Option<T> {
    let mut result = None;
    let mut update = || {
        slot(key.shard(SHARDS)).update(host, |bytes| {
            let before = Flights::decode(bytes).ok()?;
            let mut after = before.clone();
            result = Some(change(&mut after));
            if after == before { None } else { after.encode().ok() }
        })
    };
    // What is lost here would leave others waiting: so others must be faster many times until it is.
    let updated = (0..MOST_ROUNDS).any(|_| update().is_ok());
    if updated { result } else { None }
}

fn slot(shard: u32) -> Slot {
    Slot::new(format!("spillway/flights/{shard}"))
}
