//! The Redis tier, with one server.

use crate::harness::{CacheTier, TierReply, entry, key, keys};
use spillway_contract::cache::entry::{Entry, EntryRef};
use spillway_contract::cache::key::to_hex;
use spillway_contract::cache::protocol::{Purge, Tier};
use spillway_fixtures::{PATIENCE, RedisServer, Signal, eventually};
use std::time::{Duration, Instant};

fn tier(server: &RedisServer, more: &[&str]) -> CacheTier {
    CacheTier::start(&[&["--redis-url", &server.url(), "--circuit-open-ms", "100"], more].concat())
}

/// How lookups in Redis ended.
fn gets(tier: &CacheTier, outcome: &str) -> f64 {
    tier.metric(&format!(
        "spillway_cache_tier_operations_total{{tier=\"redis\",operation=\"get\",outcome=\"{outcome}\"}}"
    ))
}

fn wait_for_circuit(tier: &CacheTier, state: f64) {
    eventually("the circuit changes", || {
        tier.get(&key(999));
        tier.metric("spillway_cache_tier_circuit{tier=\"redis\"}") == state
    });
}

#[test]
fn what_one_stores_another_finds() {
    let server = RedisServer::start(&[]);
    let (here, there) = (tier(&server, &[]), tier(&server, &[]));
    for (number, size) in [(1, 100), (2, 50_000), (3, 2_000_000)] {
        here.store(&entry(number, size));
    }
    here.wait_until_written();
    for (number, size) in [(1, 100), (2, 50_000), (3, 2_000_000)] {
        let reply = there.get(&key(number));
        assert_eq!((reply.status, reply.tier()), (200, Some(Tier::Redis)), "{}", there.log());
        assert!(EntryRef::decode(&reply.body).unwrap().body == entry(number, size).body);
        assert_eq!(there.get(&key(number)).tier(), Some(Tier::Memory), "it goes up");
    }
    let other = tier(&server, &["--redis-prefix", "other:"]);
    assert_eq!(other.get(&key(1)).status, 404, "another prefix, another cache");
}

#[test]
fn redis_forgets_by_itself() {
    let server = RedisServer::start(&[]);
    let tier = tier(&server, &["--redis-ttl-s", "100"]);
    tier.store(&entry(1, 10));
    tier.store(&Entry { fresh_ms: 300_000, ..entry(2, 10) });
    tier.wait_until_written();
    let left = |number| server.ask::<i64>(&["PTTL", &format!("spillway:e:{}", to_hex(&key(number)))]);
    let (own, tiers) = (left(1), left(2));
    assert!((90_000..=120_000).contains(&own), "its own time is 120 s, the tier's 100 s: {own}");
    assert!((90_000..=100_000).contains(&tiers), "the tier's time is shorter: {tiers}");
}

#[test]
fn a_server_that_is_not_there_is_a_tier_that_has_nothing() {
    let mut server = RedisServer::prepare(&[]);
    let tier = tier(&server, &[]);
    tier.store(&entry(1, 10));
    assert_eq!(tier.get(&key(1)).tier(), Some(Tier::Memory));
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(tier.get(&key(2)).status, 404);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    server.run();
    server.wait_until_ready();
    eventually("entries are written there", || {
        tier.store(&entry(3, 10));
        tier.wait_until_written();
        !keys(&server).is_empty()
    });
}

#[test]
fn a_server_that_dies_costs_misses_and_nothing_else() {
    let mut server = RedisServer::start(&[]);
    let (here, there) = (tier(&server, &[]), tier(&server, &[]));
    (0..50).for_each(|number| here.store(&entry(number, 1_000)));
    here.wait_until_written();
    assert_eq!(there.get(&key(0)).tier(), Some(Tier::Redis));
    server.kill();
    for number in 1..20 {
        assert_eq!(there.get(&key(number)).status, 404);
        there.store(&entry(number + 100, 10));
    }
    wait_for_circuit(&there, 2.0);
    server.run();
    server.wait_until_ready();
    here.store(&entry(200, 10));
    eventually("it is used again", || {
        here.store(&entry(200, 10));
        there.get(&key(200)).tier() == Some(Tier::Redis)
    });
}

#[test]
fn a_server_that_stalls_costs_its_deadline_three_times() {
    let mut server = RedisServer::start(&[]);
    let url = server.url();
    let arguments = ["--redis-url", &url, "--redis-timeout-ms", "200", "--circuit-open-ms", "60000"];
    let tier = CacheTier::start(&arguments);
    tier.get(&key(0));
    server.signal(Signal::STOP);
    let mut costs = Vec::new();
    for number in 1..20 {
        let start = Instant::now();
        assert_eq!(tier.get(&key(number)).status, 404);
        costs.push(start.elapsed());
    }
    server.signal(Signal::CONT);
    assert!(costs.iter().all(|cost| *cost < Duration::from_millis(1_000)), "{costs:?}");
    let slow = costs.iter().filter(|cost| **cost >= Duration::from_millis(200)).count();
    assert_eq!(slow, 3, "{costs:?}");
    assert_eq!((gets(&tier, "timed_out"), gets(&tier, "circuit_open")), (3.0, 16.0));
}

#[test]
fn a_password_comes_from_a_file() {
    let server = RedisServer::prepare(&["--requirepass", "hunter2"]);
    let mut server = server;
    server.run();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let start = |password: &str| {
        std::fs::write(&file, password).unwrap();
        tier(&server, &["--redis-password-file", file.to_str().unwrap()])
    };
    let right = start("hunter2\n");
    eventually("it is used", || {
        right.store(&entry(1, 10));
        right.wait_until_written();
        right.metric("spillway_cache_tier_operations_total{tier=\"redis\",operation=\"put\",outcome=\"ok\"}")
            > 0.0
    });
    let wrong = start("hunter3");
    assert_eq!(wrong.get(&key(1)).status, 404);
    eventually("it says why", || {
        wrong.log().contains("there is no connection to Redis yet reason=\"denied\"")
    });
    assert!(!right.log().contains("hunter2") && !wrong.log().contains("hunter3"));
}

#[test]
fn damage_in_redis_is_a_miss_and_is_deleted() {
    let server = RedisServer::start(&[]);
    let (here, there) = (tier(&server, &[]), tier(&server, &[]));
    here.store(&entry(1, 1_000));
    here.wait_until_written();
    let name = format!("spillway:e:{}", to_hex(&key(1)));
    server.ask::<i64>(&["SETRANGE", &name, "500", "damage"]);
    assert_eq!(there.get(&key(1)).status, 404);
    eventually("it is deleted", || keys(&server).is_empty());
    assert_eq!(
        there.metric("spillway_cache_tier_unreadable_entries_total{tier=\"redis\",reason=\"envelope\"}"),
        1.0
    );
}

#[test]
fn a_purge_is_known_to_others_soon_and_to_those_who_come_later() {
    let server = RedisServer::start(&[]);
    let purges = ["--redis-purges-ms", "50"];
    let (here, there) = (tier(&server, &purges), tier(&server, &purges));
    (0..8).for_each(|number| here.store(&entry(number, 100)));
    here.wait_until_written();
    (0..8).for_each(|number| assert_eq!(there.get(&key(number)).status, 200));
    let reply = here.purge(&Purge::Model("model-1".to_owned()));
    assert_eq!((reply.status, reply.json()["purged_from_memory"].as_u64()), (200, Some(4)));
    assert_eq!(here.get(&key(1)).status, 404);
    eventually("the other one knows it", || there.get(&key(1)).status == 404);
    assert_eq!(there.get(&key(2)).status, 200);
    let later = tier(&server, &purges);
    assert_eq!((later.get(&key(3)).status, later.get(&key(4)).status), (404, 200));
    there.store(&entry(3, 100));
    there.wait_until_written();
    assert_eq!(here.get(&key(3)).tier(), Some(Tier::Redis), "what another one stores after the purge");
}

#[test]
fn a_purge_while_redis_is_away_is_told_later() {
    let mut server = RedisServer::start(&[]);
    let purges = ["--redis-purges-ms", "50"];
    let here = tier(&server, &purges);
    here.store(&entry(1, 100));
    here.wait_until_written();
    server.signal(Signal::STOP);
    let reply = here.purge(&Purge::Tenant([1; 32]));
    server.signal(Signal::CONT);
    assert_eq!((reply.status, reply.json()["pending"][0].as_str()), (202, Some("redis")));
    assert_eq!(here.get(&key(1)).status, 404);
    eventually("it is told", || {
        here.metric("spillway_cache_tier_marks_unsent{tier=\"redis\"}") == 0.0
            && server.ask::<i64>(&["HLEN", "spillway:marks"]) == 2
    });
    assert_eq!(tier(&server, &purges).get(&key(1)).status, 404);
    // A server that lost everything gets the marks again.
    server.kill();
    server.run();
    server.wait_until_ready();
    eventually("the marks are there again", || server.ask::<i64>(&["HLEN", "spillway:marks"]) == 2);
}

#[test]
fn what_is_in_redis_is_encrypted_if_that_is_asked_for() {
    let server = RedisServer::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "11".repeat(32)).unwrap();
    let encrypted = ["--encryption-key-file", keys.to_str().unwrap()];
    let here = tier(&server, &encrypted);
    here.store(&Entry { body: b"MARKER-0815".to_vec(), ..entry(1, 0) });
    here.wait_until_written();
    let kept: Vec<u8> = server.ask(&["GET", &format!("spillway:e:{}", to_hex(&key(1)))]);
    assert!(!kept.windows(11).any(|part| part == b"MARKER-0815"));
    assert_eq!(tier(&server, &encrypted).get(&key(1)).status, 200);
    assert_eq!(tier(&server, &[]).get(&key(1)).status, 404);
}

#[test]
fn a_tier_behind_one_that_is_dead_still_answers() {
    let mut server = RedisServer::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let disk = ["--disk-dir", folder.path().to_str().unwrap(), "--memory-ttl-s", "1"];
    let tier = tier(&server, &disk);
    tier.store(&entry(1, 100));
    tier.wait_until_written();
    server.kill();
    let start = Instant::now();
    eventually("memory forgets", || tier.get(&key(1)).tier() == Some(Tier::Disk));
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(tier.get(&key(2)).status, 404);
}
