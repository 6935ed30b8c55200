//! The Redis tier, with a cluster of six nodes.

use crate::harness::{CacheTier, TierReply, entry, key, keys};
use spillway_contract::cache::protocol::{Purge, Tier};
use spillway_fixtures::{RedisCluster, RedisServer, eventually};
use std::time::{Duration, Instant};

const ENTRIES: u32 = 200;

fn tier(cluster: &RedisCluster) -> CacheTier {
    CacheTier::start(&["--redis-url", &cluster.urls(), "--redis-mode", "cluster", "--circuit-open-ms", "200"])
}

/// How many of the entries a fresh cache tier finds in Redis. No request may fail.
fn found(cluster: &RedisCluster) -> u32 {
    let tier = tier(cluster);
    let tiers = (0..ENTRIES).map(|number| {
        let reply = tier.get(&key(number));
        assert!(matches!(reply.status, 200 | 404), "{reply:?}");
        reply.tier()
    });
    u32::try_from(tiers.filter(|tier| *tier == Some(Tier::Redis)).count()).unwrap()
}

#[test]
fn a_master_that_is_killed_costs_no_request_and_hits_come_back() {
    let mut cluster = RedisCluster::start();
    let here = tier(&cluster);
    (0..ENTRIES).for_each(|number| here.store(&entry(number, 1_000)));
    here.wait_until_written();
    eventually("entries are spread over all masters, and their replicas have them", || {
        let kept: usize = cluster.nodes.iter().map(|node| keys(node).len()).sum();
        kept == 2 * ENTRIES as usize && cluster.nodes.iter().all(|node| !keys(node).is_empty())
    });
    assert_eq!(found(&cluster), ENTRIES);
    here.store(&entry(20_001, 10));
    here.wait_until_written();
    assert_eq!(here.purge(&Purge::Key(key(20_001))).status, 200);
    assert_eq!(tier(&cluster).get(&key(20_001)).status, 404, "others know of a purge");

    let victim = cluster.masters()[0];
    let (mut hits, mut requests, mut last_miss) = (Vec::new(), 0, Instant::now());
    let running = tier(&cluster);
    let start = Instant::now();
    let mut killed = None;
    // One stores, and the other one asks for what was stored.
    while killed.is_none_or(|at: Instant| at.elapsed() < Duration::from_secs(8)) {
        if killed.is_none() && start.elapsed() > Duration::from_millis(500) {
            cluster.nodes[victim].kill();
            killed = Some(Instant::now());
        }
        let reply = running.put(&entry(10_000 + requests, 500));
        assert_eq!(reply.status, 204, "{reply:?}");
        // Written a while ago, and never in this one's memory.
        let reply = here.get(&key(10_000 + requests.saturating_sub(20)));
        assert!(matches!(reply.status, 200 | 404), "{reply:?}");
        hits.push(reply.status == 200);
        if reply.status == 404 {
            last_miss = Instant::now();
        }
        requests += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    let rate = hits.iter().filter(|hit| **hit).count() * 100 / hits.len();
    assert!(killed.is_some_and(|at| last_miss > at), "the loss was noticed");
    println!("{rate} % of {requests} lookups in 8 s around the loss were hits");
    assert!(rate > 50, "{rate} % of {requests} were found");
    eventually("all are found again", || found(&cluster) == ENTRIES);
    let reply = running.put(&entry(5, 10));
    assert_eq!(reply.status, 204);
    assert!(cluster.masters().len() == 3, "a replica has taken over");
}

#[test]
fn a_cluster_that_dies_and_comes_back_is_used_again() {
    let mut cluster = RedisCluster::start();
    let here = tier(&cluster);
    here.store(&entry(1, 1_000));
    here.wait_until_written();
    cluster.kill();
    for number in 0..10 {
        assert_eq!(here.get(&key(100 + number)).status, 404);
        here.store(&entry(200 + number, 10));
    }
    cluster.nodes.iter_mut().for_each(RedisServer::run);
    cluster.nodes.iter().for_each(RedisServer::wait_until_ready);
    eventually("it is written to again", || {
        here.store(&entry(300, 10));
        here.wait_until_written();
        cluster.nodes.iter().any(|node| !keys(node).is_empty())
    });
}
