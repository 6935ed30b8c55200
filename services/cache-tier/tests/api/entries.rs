//! Storing and looking up.

use crate::harness::{CacheTier, TierReply, entry, key, now_ms};
use spillway_contract::cache::entry::{Entry, EntryRef};
use spillway_contract::cache::protocol::{Tier, entry_path};
use spillway_fixtures::{Reply, eventually};

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str, message: &str) {
    assert_eq!((reply.error(), reply.message()), ((status, code.to_owned()), message.to_owned()));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn what_is_stored_is_found_as_it_was() {
    let tier = CacheTier::start(&[]);
    for size in [0, 4_000, 1_000_000] {
        let entry = entry(u32::try_from(size).unwrap(), size);
        let bytes = entry.encode().unwrap();
        let reply = tier.put(&entry);
        assert_eq!((reply.status, reply.body.len()), (204, 0));
        let reply = tier.get(&entry.key);
        assert_eq!((reply.status, reply.tier()), (200, Some(Tier::Memory)));
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
        assert!(reply.body == bytes, "{size}");
        assert!(EntryRef::decode(&reply.body).unwrap() == entry.borrow());
    }
}

#[test]
fn what_nobody_has_is_not_found() {
    let tier = CacheTier::start(&[]);
    let reply = tier.get(&key(1));
    refused(&reply, 404, "not_found", "nobody has the entry");
    assert_eq!((reply.tier(), reply.lease()), (None, None));
    assert_eq!(tier.metric("spillway_cache_tier_lookups_total{result=\"miss\"}"), 1.0);
}

#[test]
fn a_later_entry_takes_the_place_of_an_earlier_one() {
    let tier = CacheTier::start(&[]);
    tier.store(&entry(1, 100));
    let later = Entry { body: b"later".to_vec(), ..entry(1, 0) };
    tier.store(&later);
    assert!(tier.get(&key(1)).body == later.encode().unwrap());
}

#[test]
fn one_connection_serves_many_requests() {
    let tier = CacheTier::start(&[]);
    tier.store(&entry(1, 100));
    let (found, missing) = (entry_path(&key(1)), entry_path(&key(2)));
    let mut client = tier.client();
    for _ in 0..10 {
        for (path, status) in [(&found, 200), (&missing, 404)] {
            client.write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes());
            assert_eq!(client.reply().status, status);
        }
    }
}

#[test]
fn a_head_request_asks_whether_it_is_there() {
    let tier = CacheTier::start(&[]);
    tier.store(&entry(1, 100));
    let path = entry_path(&key(1));
    let mut client = tier.client();
    client.write(format!("HEAD {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes());
    let reply = client.reply();
    assert_eq!((reply.status, reply.tier()), (200, Some(Tier::Memory)));
}

#[test]
fn keys_that_are_none() {
    let tier = CacheTier::start(&[]);
    let good = entry_path(&key(1));
    for path in ["/v1/entries/abc", &good[..good.len() - 1], &format!("{good}0"), &good.replace("11", "%31x")]
    {
        for method in ["GET", "PUT"] {
            let reply = tier.request(method, path, &[], b"");
            refused(&reply, 400, "invalid_key", "a key is 64 hex digits");
        }
    }
    assert_eq!(tier.get_path(&good.to_uppercase().replace("/V1/ENTRIES", "/v1/entries")).status, 404);
}

#[test]
fn queries_that_are_mistyped() {
    let tier = CacheTier::start(&[]);
    for (query, message) in [
        ("lease=1", "the query has a name that is not known"),
        ("lease_ms=0", "lease_ms: expected a number from 1 to 600000"),
        ("wait_ms=1", "wait_ms needs lease_ms"),
    ] {
        let reply = tier.get_path(&format!("{}?{query}", entry_path(&key(1))));
        refused(&reply, 400, "invalid_query", message);
    }
}

#[test]
fn paths_and_methods() {
    let tier = CacheTier::start(&[]);
    refused(&tier.get_path("/v1/secret"), 404, "path_not_found", "GET is not served at this path");
    for (method, path) in [("POST", entry_path(&key(1))), ("GET", "/v1/entries".to_owned())] {
        let reply = tier.request(method, &path, &[], b"");
        refused(&reply, 405, "method_not_allowed", &format!("the path does not take {method}"));
    }
}

#[test]
fn bodies_that_are_no_entry_or_another_one() {
    let tier = CacheTier::start(&[]);
    let path = entry_path(&key(1));
    let mut bytes = entry(1, 100).encode().unwrap();
    let put = |body: &[u8]| tier.request("PUT", &path, &[], body);
    refused(&put(b""), 400, "damaged", "the body is no entry: an entry of 0 bytes is too short");
    refused(&put(&[7; 500]), 400, "damaged", "the body is no entry: the bytes do not begin as an entry does");
    bytes[200] ^= 1;
    refused(&put(&bytes), 400, "damaged", "the body is no entry: the checksum does not match");
    let message = "the body is the entry of another key than the path";
    refused(&put(&entry(2, 100).encode().unwrap()), 400, "other_key", message);
    assert_eq!(tier.get(&key(1)).status, 404);
}

#[test]
fn times_that_make_no_sense() {
    let tier = CacheTier::start(&[]);
    let future = Entry { stored_at_ms: now_ms() + 400_000, ..entry(1, 10) };
    let message = "the entry was stored in the future: more than 300 s ahead of this clock";
    refused(&tier.put(&future), 400, "in_the_future", message);
    let old = Entry { stored_at_ms: now_ms() - 120_001, ..entry(1, 10) };
    refused(&tier.put(&old), 400, "expired", "the entry has no time left");
    let ahead = Entry { stored_at_ms: now_ms() + 10_000, ..entry(1, 10) };
    assert_eq!(tier.put(&ahead).status, 204, "clocks differ a little");
}

#[test]
fn an_entry_is_found_stale_and_never_expired() {
    let tier = CacheTier::start(&[]);
    let entry = Entry { fresh_ms: 1, stale_ms: 400, ..entry(1, 10) };
    let end = entry.lifetime().expires_at_ms();
    tier.store(&entry);
    assert_eq!(tier.get(&entry.key).status, 200, "stale, which is for who asks to judge");
    eventually("it is gone", || {
        let before = now_ms();
        let status = tier.get(&entry.key).status;
        assert!(status == 404 || before < end, "served {} ms too late", now_ms() - end);
        status == 404
    });
}
