//! Computing once.

use crate::harness::{CacheTier, TierReply, entry, key};
use spillway_contract::cache::entry::Entry;
use spillway_contract::cache::protocol::{Lease, Lookup, Purge, Tier};
use spillway_fixtures::{Client, Reply, RequestParts, eventually};
use std::time::{Duration, Instant};

const LEASE: Lookup =
    Lookup { within_ms: None, lease_ms: Some(60_000), wait_ms: None, lease_if_stale: false };

fn waiting(wait_ms: u32) -> Lookup {
    Lookup { wait_ms: Some(wait_ms), ..LEASE }
}

/// Asks, and does not wait for the answer.
fn ask(tier: &CacheTier, lookup: Lookup) -> Client {
    let path = lookup.path(&key(1));
    tier.client().send(&RequestParts { method: "GET", path: &path, headers: &[], body: b"" })
}

fn wait_for_waiting(tier: &CacheTier, count: u32) {
    eventually("they wait", || tier.metric("spillway_cache_tier_lease_waiting") == f64::from(count));
}

#[test]
fn of_a_hundred_askers_one_computes_and_all_get_the_entry() {
    let tier = CacheTier::start(&[]);
    let mut clients: Vec<_> = (0..100).map(|_| ask(&tier, waiting(60_000))).collect();
    wait_for_waiting(&tier, 99);
    let entry = entry(1, 4_000);
    // The only one that has an answer yet.
    let mut granted = None;
    let mut waits = Vec::new();
    for mut client in clients.drain(..) {
        match client.reply_now() {
            Some(reply) => assert!(granted.replace(reply).is_none(), "two were granted"),
            None => waits.push(client),
        }
    }
    let granted = granted.expect("one is granted");
    assert_eq!(granted.status, 404);
    assert_eq!(tier.put_with_lease(&entry, &granted.granted()).status, 204);
    for mut client in waits {
        let reply = client.reply();
        assert_eq!((reply.status, reply.tier(), reply.lease()), (200, Some(Tier::Memory), None));
        assert!(reply.body == entry.encode().unwrap());
    }
    assert_eq!(tier.metric("spillway_cache_tier_lease_events_total{event=\"granted\"}"), 1.0);
    assert_eq!(tier.metric("spillway_cache_tier_lease_events_total{event=\"served\"}"), 99.0);
    assert_eq!(tier.metric("spillway_cache_tier_leases"), 0.0);
}

#[test]
fn who_does_not_wait_is_told_at_once() {
    let tier = CacheTier::start(&[]);
    let first = tier.look_up(&key(1), LEASE);
    first.granted();
    let second = tier.look_up(&key(1), LEASE);
    assert_eq!((second.status, second.lease()), (404, Some(Lease::Taken)));
    assert_eq!(tier.get(&key(1)).lease(), None, "who does not ask for a lease is told nothing");
    tier.look_up(&key(2), LEASE).granted();
}

#[test]
fn a_wait_has_an_end() {
    let tier = CacheTier::start(&[]);
    tier.look_up(&key(1), LEASE).granted();
    let start = Instant::now();
    let reply = tier.look_up(&key(1), waiting(200));
    assert_eq!((reply.status, reply.lease()), (404, Some(Lease::Taken)));
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
}

#[test]
fn an_owner_that_is_gone_is_replaced_when_its_time_is_over() {
    let tier = CacheTier::start(&[]);
    tier.look_up(&key(1), Lookup { lease_ms: Some(300), ..Lookup::default() }).granted();
    let start = Instant::now();
    let reply = tier.look_up(&key(1), waiting(10_000));
    reply.granted();
    let took = start.elapsed();
    assert!((100..5_000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn a_lease_that_is_given_back_goes_to_the_next() {
    let tier = CacheTier::start(&[]);
    let token = tier.look_up(&key(1), LEASE).granted();
    let mut next = ask(&tier, waiting(10_000));
    wait_for_waiting(&tier, 1);
    assert_eq!(tier.give_back(&key(1), &token).status, 204);
    let token = next.reply().granted();
    assert_eq!(tier.give_back(&key(1), &token).status, 204);
    let again = tier.give_back(&key(1), &token);
    assert_eq!(again.error(), (404, "lease_not_found".to_owned()));
    tier.look_up(&key(1), LEASE).granted();
}

#[test]
fn who_leaves_the_line_does_not_get_it() {
    let tier = CacheTier::start(&[]);
    let token = tier.look_up(&key(1), LEASE).granted();
    let gone = ask(&tier, waiting(60_000));
    wait_for_waiting(&tier, 1);
    let mut next = ask(&tier, waiting(60_000));
    wait_for_waiting(&tier, 2);
    drop(gone);
    wait_for_waiting(&tier, 1);
    tier.give_back(&key(1), &token);
    next.reply().granted();
}

#[test]
fn an_entry_that_comes_without_the_token_serves_those_who_wait() {
    let tier = CacheTier::start(&[]);
    tier.look_up(&key(1), LEASE).granted();
    let mut waits = ask(&tier, waiting(60_000));
    wait_for_waiting(&tier, 1);
    tier.store(&entry(1, 10));
    assert_eq!(waits.reply().status, 200);
}

#[test]
fn a_stale_entry_is_computed_anew_once() {
    let tier = CacheTier::start(&[]);
    tier.store(&Entry { fresh_ms: 0, ..entry(1, 10) });
    let lookup = Lookup { lease_if_stale: true, ..LEASE };
    let first = tier.look_up(&key(1), lookup);
    assert_eq!(first.status, 200);
    let token = first.granted();
    let second = tier.look_up(&key(1), lookup);
    assert_eq!((second.status, second.lease()), (200, Some(Lease::Taken)));
    assert_eq!(tier.look_up(&key(1), LEASE).lease(), None, "only for who asks so");
    assert_eq!(tier.put_with_lease(&entry(1, 20), &token).status, 204);
    let fresh = tier.look_up(&key(1), lookup);
    assert_eq!((fresh.status, fresh.lease()), (200, None));
}

#[test]
fn what_was_purged_while_it_was_computed_is_not_stored() {
    let tier = CacheTier::start(&[]);
    let token = tier.look_up(&key(1), LEASE).granted();
    let mut next = ask(&tier, waiting(60_000));
    wait_for_waiting(&tier, 1);
    assert_eq!(tier.purge(&Purge::Model("model-1".to_owned())).status, 200);
    let reply: Reply = tier.put_with_lease(&entry(1, 10), &token);
    assert_eq!(reply.error(), (409, "purged".to_owned()));
    assert_eq!(tier.get(&key(1)).status, 404);
    let token = next.reply().granted();
    assert_eq!(tier.put_with_lease(&entry(1, 10), &token).status, 204, "this one began after the purge");
}

#[test]
fn tokens_that_are_none() {
    let tier = CacheTier::start(&[]);
    for reply in [tier.put_with_lease(&entry(1, 10), "x"), tier.give_back(&key(1), "granted")] {
        assert_eq!(reply.error(), (400, "invalid_lease".to_owned()));
        assert_eq!(reply.message(), "x-spillway-lease: expected 32 hex digits");
    }
    let old = "0".repeat(32);
    assert_eq!(tier.put_with_lease(&entry(1, 10), &old).status, 204, "an answer is an answer");
    assert_eq!(tier.give_back(&key(2), &old).error(), (404, "lease_not_found".to_owned()));
}

#[test]
fn leases_and_waits_are_bounded() {
    let tier = CacheTier::start(&["--max-leases", "2", "--max-waiting", "1"]);
    tier.look_up(&key(1), LEASE).granted();
    tier.look_up(&key(2), LEASE).granted();
    let full = tier.look_up(&key(3), LEASE);
    assert_eq!((full.status, full.lease()), (404, None), "it computes, and nobody waits for it");
    let _waits = ask(&tier, waiting(60_000));
    wait_for_waiting(&tier, 1);
    assert_eq!(tier.look_up(&key(1), waiting(60_000)).lease(), Some(Lease::Taken));
}
