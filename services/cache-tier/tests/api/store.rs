//! The object store tier.

use crate::harness::{CacheTier, Objects, TierReply, entry, key, keys};
use spillway_contract::cache::entry::{Entry, EntryRef};
use spillway_contract::cache::protocol::{Lookup, Purge, Tier};
use spillway_fixtures::{ObjectStore, Proxy, RedisServer, eventually};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

fn tier(store: &ObjectStore, more: &[&str]) -> CacheTier {
    let options = store.options(store.address());
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    CacheTier::start(&[&options, more].concat())
}

#[test]
fn what_one_stores_another_finds() {
    let store = ObjectStore::start();
    let here = tier(&store, &[]);
    for (number, size) in [(1, 0), (2, 50_000), (3, 4_000_000)] {
        here.store(&entry(number, size));
    }
    here.stop();
    let there = tier(&store, &[]);
    for (number, size) in [(1, 0), (2, 50_000), (3, 4_000_000)] {
        let reply = there.get(&key(number));
        assert_eq!((reply.status, reply.tier()), (200, Some(Tier::Store)), "{}", there.log());
        assert!(EntryRef::decode(&reply.body).unwrap().body == entry(number, size).body);
        assert_eq!(there.get(&key(number)).tier(), Some(Tier::Memory), "it goes up");
    }
    assert_eq!(there.get(&key(4)).status, 404);
    assert_eq!(Objects::of(&store).names("entries").len(), 3);
}

#[test]
fn a_store_that_stalls_holds_nobody_up() {
    let store = ObjectStore::start();
    let proxy = Proxy::before(store.address());
    let options = store.options(proxy.address());
    let mut options: Vec<_> = options.iter().map(String::as_str).collect();
    let place = options.iter().position(|option| *option == "2000").unwrap();
    options[place] = "300";
    let tier = CacheTier::start(&[&options[..], &["--circuit-open-ms", "60000"]].concat());
    tier.store(&entry(1, 1_000));
    tier.wait_until_written();
    assert_eq!(tier.get(&key(2)).status, 404);
    proxy.stall(true);
    let start = Instant::now();
    let mut costs = Vec::new();
    let mut served = 0;
    std::thread::scope(|scope| {
        let misses = scope.spawn(|| {
            let each = (100..120).map(|number| {
                let start = Instant::now();
                assert_eq!(tier.get(&key(number)).status, 404);
                start.elapsed()
            });
            each.collect::<Vec<_>>()
        });
        while start.elapsed() < Duration::from_secs(10) {
            let start = Instant::now();
            assert_eq!(tier.get(&key(1)).tier(), Some(Tier::Memory));
            assert_eq!(tier.put(&entry(1, 1_000)).status, 204);
            costs.push(start.elapsed());
            served += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        let misses = misses.join().unwrap();
        assert!(misses.iter().all(|cost| *cost < Duration::from_secs(1)), "{misses:?}");
        let slow = misses.iter().filter(|cost| **cost >= Duration::from_millis(300)).count();
        assert!(slow <= 3, "it is left alone after three: {misses:?}");
    });
    costs.sort_unstable();
    assert!(costs[served * 9 / 10] < Duration::from_millis(100), "memory serves meanwhile: {costs:?}");
    proxy.stall(false);
    tier.stop();
}

#[test]
fn who_cannot_wait_for_the_store_is_told_in_time_and_the_next_one_has_it() {
    let store = ObjectStore::start();
    let proxy = Proxy::before(store.address());
    let here = tier(&store, &[]);
    here.store(&entry(1, 1_000));
    here.stop();
    let mut options = store.options(proxy.address());
    options.extend(["--store-timeout-ms", "60000"].map(str::to_owned));
    let place = options.iter().position(|option| option == "2000").unwrap();
    options.drain(place - 1..=place);
    let there = CacheTier::start(&options.iter().map(String::as_str).collect::<Vec<_>>());
    eventually("the store is read", || {
        there.metric("spillway_cache_tier_marks_known{tier=\"store\"}") == 1.0
    });
    proxy.stall(true);
    let lookup = Lookup { within_ms: Some(50), ..Lookup::default() };
    assert_eq!(there.look_up(&key(1), lookup).status, 404, "in time, and not after a minute");
    let lookup = Lookup { lease_ms: Some(60_000), ..lookup };
    there.look_up(&key(1), lookup).granted();
    proxy.stall(false);
    eventually("the first lookup has brought it", || there.get(&key(1)).tier() == Some(Tier::Memory));
}

#[test]
fn a_store_that_is_not_there_is_a_tier_that_has_nothing() {
    let mut store = ObjectStore::prepare();
    let tier = tier(&store, &["--circuit-open-ms", "100"]);
    tier.store(&entry(1, 10));
    assert_eq!(tier.get(&key(1)).tier(), Some(Tier::Memory));
    assert_eq!(tier.get(&key(2)).status, 404);
    store.run();
    eventually("entries are written there", || {
        tier.store(&entry(3, 10));
        tier.wait_until_written();
        !Objects::of(&store).names("entries").is_empty()
    });
}

/// Answers every request with 403, as a store does that does not know who asks.
fn one_that_refuses() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let body = "<Error><Code>SignatureDoesNotMatch</Code></Error>";
            let head = format!(
                "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

#[test]
fn credentials_that_are_refused_are_named() {
    let store = ObjectStore::at(one_that_refuses(), None);
    let tier = tier(&store, &[]);
    assert_eq!(tier.get(&key(1)).status, 404);
    assert!(tier.log().contains("it refuses the credentials"), "{}", tier.log());
    assert!(!tier.log().contains(ObjectStore::SECRET), "{}", tier.log());
}

#[test]
fn damage_in_the_store_is_a_miss_and_is_deleted() {
    let store = ObjectStore::start();
    let here = tier(&store, &[]);
    here.store(&entry(1, 1_000));
    here.wait_until_written();
    let objects = Objects::of(&store).names("entries");
    let mut bytes = Objects::of(&store).read(&objects[0]);
    bytes[500] ^= 1;
    Objects::of(&store).write(&objects[0], bytes);
    let there = tier(&store, &[]);
    assert_eq!(there.get(&key(1)).status, 404);
    eventually("it is deleted", || Objects::of(&store).names("entries").is_empty());
    let name = "spillway_cache_tier_unreadable_entries_total{tier=\"store\",reason=\"envelope\"}";
    assert_eq!(there.metric(name), 1.0);
}

#[test]
fn a_purge_is_known_to_others_soon_and_to_those_who_come_later() {
    let store = ObjectStore::start();
    let (here, there) = (tier(&store, &[]), tier(&store, &[]));
    (0..8).for_each(|number| here.store(&entry(number, 100)));
    here.wait_until_written();
    (0..8).for_each(|number| assert_eq!(there.get(&key(number)).status, 200));
    assert_eq!(here.purge(&Purge::Model("model-1".to_owned())).status, 200);
    assert_eq!(Objects::of(&store).names("marks").len(), 1);
    eventually("the other one knows it", || there.get(&key(1)).status == 404);
    assert_eq!(there.get(&key(2)).status, 200);
    let later = tier(&store, &[]);
    assert_eq!((later.get(&key(3)).status, later.get(&key(4)).status), (404, 200));
    // A later purge of the same takes the place of the earlier one.
    eventually("an earlier mark is removed", || {
        let before = Objects::of(&store).names("marks");
        assert_eq!(here.purge(&Purge::Model("model-1".to_owned())).status, 200);
        let after = Objects::of(&store).names("marks");
        before.iter().any(|mark| !after.contains(mark))
    });
}

#[test]
fn what_has_outlived_its_time_is_removed() {
    let store = ObjectStore::start();
    let tier = tier(&store, &["--store-ttl-s", "1", "--memory-ttl-s", "1", "--store-sweep-s", "1"]);
    (0..5).for_each(|number| tier.store(&entry(number, 100)));
    eventually("memory and store do not serve it", || tier.get(&key(1)).status == 404);
    eventually("the objects are removed", || Objects::of(&store).names("entries").is_empty());
    eventually("it says so", || tier.log().contains("had outlived their time"));
}

#[test]
fn what_is_in_the_store_is_encrypted_if_that_is_asked_for() {
    let store = ObjectStore::start();
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "11".repeat(32)).unwrap();
    let encrypted = ["--encryption-key-file", keys.to_str().unwrap()];
    let here = tier(&store, &encrypted);
    here.store(&Entry { body: b"MARKER-0815 ".repeat(1_000), ..entry(1, 0) });
    here.wait_until_written();
    let kept = Objects::of(&store).read(&Objects::of(&store).names("entries")[0]);
    assert!(kept.len() < 1_000, "compressed before it is encrypted: {} bytes", kept.len());
    assert!(!kept.windows(11).any(|part| part == b"MARKER-0815"));
    assert_eq!(tier(&store, &encrypted).get(&key(1)).status, 200);
    assert_eq!(tier(&store, &[]).get(&key(1)).status, 404);
}

#[test]
fn a_queue_that_is_full_says_so_and_memory_has_it() {
    let store = ObjectStore::start();
    let proxy = Proxy::before(store.address());
    let options = store.options(proxy.address());
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let tier =
        CacheTier::start(&[&options[..], &["--queue-entries", "4", "--flush-timeout-ms", "100"]].concat());
    proxy.stall(true);
    let replies: Vec<_> = (0..6).map(|number| tier.put(&entry(number, 100))).collect();
    assert!(replies[..4].iter().all(|reply| reply.status == 204), "{replies:?}");
    let refused = &replies[5];
    assert_eq!((refused.error(), refused.header("retry-after")), ((503, "queue_full".to_owned()), Some("1")));
    assert_eq!(refused.tier(), Some(Tier::Memory));
    assert_eq!(tier.get(&key(5)).status, 200);
    let name = "spillway_cache_tier_writes_dropped_total{tier=\"store\",reason=\"queue_full\"}";
    assert_eq!(tier.metric(name), 2.0);
    let start = Instant::now();
    tier.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "what cannot be written is dropped");
}

#[test]
fn all_tiers_together() {
    let store = ObjectStore::start();
    let mut redis = RedisServer::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let url = redis.url();
    let shared = ["--redis-url", &url, "--circuit-open-ms", "100"];
    let with_disk = [&shared[..], &["--disk-dir", folder.path().to_str().unwrap()]].concat();
    let here = tier(&store, &with_disk);
    (0..20).for_each(|number| here.store(&entry(number, 3_000)));
    here.stop();
    let here = tier(&store, &with_disk);
    assert_eq!(here.get(&key(1)).tier(), Some(Tier::Disk));
    let there = tier(&store, &shared);
    assert_eq!(there.get(&key(2)).tier(), Some(Tier::Redis));
    redis.kill();
    eventually("the store answers instead", || there.get(&key(3)).tier() == Some(Tier::Store));
    redis.run();
    redis.wait_until_ready();
    // What the store had goes up to Redis again.
    eventually("Redis has it again", || {
        let fresh = tier(&store, &shared);
        fresh.get(&key(4));
        fresh.wait_until_written();
        !keys(&redis).is_empty()
    });
}
