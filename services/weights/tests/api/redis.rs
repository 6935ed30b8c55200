//! Chunks in Redis, and in a cluster of it.

use crate::harness::{Ended, Machine, Store, weights};
use spillway_fixtures::{RedisCluster, RedisServer};

fn pull(machine: &Machine, store: &Store, url: &str, more: &[&str]) -> Ended {
    machine.pull_with(store, "m", &[&["--weights-redis-url", url], more].concat())
}

#[test]
fn one_machine_fills_it_and_others_need_no_store() {
    let cluster = RedisCluster::start();
    let (store, urls, bytes) = (Store::folder(), cluster.urls(), weights(12, 1));
    store.publish("m", &bytes);
    let mode = ["--weights-redis-mode", "cluster"];
    pull(&Machine::new(), &store, &urls, &mode).is_from("store");
    let keys: usize =
        cluster.masters().iter().map(|node| cluster.nodes[*node].ask::<usize>(&["DBSIZE"])).sum();
    assert_eq!(keys, 12, "a key for each chunk");
    let second = Machine::new();
    assert_eq!(pull(&second, &store, &urls, &mode).is_from("redis").fetched(), 12);
    second.has_only(&bytes);
}

#[test]
fn a_chunk_that_is_wrong_there_comes_from_the_store_and_is_put_right() {
    let redis = RedisServer::start(&[]);
    let (store, bytes) = (Store::folder(), weights(6, 1));
    store.publish("m", &bytes);
    pull(&Machine::new(), &store, &redis.url(), &[]).is_from("store");
    let keys: Vec<String> = redis.ask(&["KEYS", "spillway:w:*:3"]);
    redis.ask::<String>(&["SET", &keys[0], "something else"]);
    let second = Machine::new();
    let ended = pull(&second, &store, &redis.url(), &[]);
    ended.is_from("store");
    assert!(ended.log.contains("a chunk from Redis has another digest"), "{}", ended.log);
    second.has_only(&bytes);
    pull(&Machine::new(), &store, &redis.url(), &[]).is_from("redis");
}

#[test]
fn a_large_model_is_not_kept_there_and_a_dead_one_is_left_alone() {
    let mut redis = RedisServer::start(&[]);
    let (store, bytes) = (Store::folder(), weights(20, 1));
    store.publish("m", &bytes);
    pull(&Machine::new(), &store, &redis.url(), &["--weights-redis-max-mib", "1"]).is_from("store");
    assert_eq!(redis.ask::<usize>(&["DBSIZE"]), 0);
    redis.kill();
    let machine = Machine::new();
    let more = ["--weights-redis-timeout-s", "1", "--weights-parallel", "1"];
    let ended = pull(&machine, &store, &redis.url(), &more);
    ended.is_from("store");
    assert!(ended.log.contains("Redis is left alone for the rest of this load"), "{}", ended.log);
    machine.has_only(&bytes);
}
