//! What several Envoys have used of their tenants' budgets.

use crate::harness::CacheTier;
use serde_json::Value;
use spillway_contract::cache::protocol::budgets::{
    BUDGETS_PATH, MAX_TELL_BYTES, MAX_TENANTS, Name, Tell, TenantOwed, TenantUsed, Told,
};
use spillway_fixtures::{RedisCluster, RedisServer, Reply, eventually};

const HERE: Name = Name([1; 32]);
const THERE: Name = Name([2; 32]);

/// So many seconds of a minute's budget.
const SECOND: i64 = 1_000_000;

fn tenant(number: usize) -> Name {
    let mut name = [0xab; 32];
    name[..8].copy_from_slice(&number.to_le_bytes());
    Name(name)
}

fn used(number: usize, sequence: u64, requests_us: i64, tokens_us: i64) -> TenantUsed {
    TenantUsed { tenant: tenant(number), sequence, requests_us, tokens_us }
}

fn send(tier: &CacheTier, process: Name, tenants: Vec<TenantUsed>) -> Reply {
    let body = serde_json::to_vec(&Tell { process, tenants }).unwrap();
    tier.request("POST", BUDGETS_PATH, &[("content-type", "application/json")], &body)
}

#[track_caller]
fn tell(tier: &CacheTier, process: Name, tenants: Vec<TenantUsed>) -> Vec<TenantOwed> {
    let reply = send(tier, process, tenants);
    assert_eq!(reply.status, 200, "{reply:?}");
    Told::parse(&reply.body).unwrap().tenants
}

/// So much is owed, less what was paid since the test has begun.
#[track_caller]
fn owes(owed: &[TenantOwed], number: usize, requests_us: i64, tokens_us: i64) {
    let found = owed.iter().find(|owed| owed.tenant == tenant(number)).expect("it is answered");
    let (requests, tokens) = (requests_us - found.requests_us, tokens_us - found.tokens_us);
    let slow = 20 * SECOND;
    assert!((0..slow).contains(&requests) && (0..slow).contains(&tokens), "{found:?}");
}

fn told(tier: &CacheTier, outcome: &str) -> f64 {
    tier.metric(&format!("spillway_cache_tier_budgets_told_total{{outcome=\"{outcome}\"}}"))
}

/// What is true wherever it is added up. Both ask the same Redis, or are the same.
fn adds_up(one: &CacheTier, two: &CacheTier) {
    let first = tell(one, HERE, vec![used(1, 10, 30 * SECOND, 60 * SECOND), used(2, 10, 0, 40 * SECOND)]);
    owes(&first, 1, 30 * SECOND, 60 * SECOND);
    owes(&first, 2, 0, 40 * SECOND);
    owes(&tell(two, THERE, vec![used(1, 3, 30 * SECOND, 30 * SECOND)]), 1, 60 * SECOND, 90 * SECOND);
    let again = tell(two, HERE, vec![used(1, 10, 30 * SECOND, 60 * SECOND)]);
    owes(&again, 1, 60 * SECOND, 90 * SECOND);
    assert_eq!(
        (told(one, "added"), told(two, "repeated")),
        (if one.address() == two.address() { 3.0 } else { 2.0 }, 1.0)
    );
    owes(&tell(one, HERE, vec![used(1, 11, 0, -40 * SECOND)]), 1, 60 * SECOND, 50 * SECOND);
    owes(&tell(one, HERE, vec![used(1, 12, 119 * SECOND, 119 * SECOND)]), 1, 120 * SECOND, 120 * SECOND);
    let back = tell(one, HERE, vec![used(1, 13, -120 * SECOND, -120 * SECOND)]);
    owes(&back, 1, 0, 0);
    assert!(tell(one, HERE, Vec::new()).is_empty());
    let all: Vec<_> = (0..MAX_TENANTS).map(|number| used(number + 100, 14, SECOND, SECOND)).collect();
    assert_eq!(tell(one, HERE, all).len(), MAX_TENANTS);
}

#[test]
fn in_memory_it_is_added_up() {
    let tier = CacheTier::start(&[]);
    adds_up(&tier, &tier);
    assert_eq!(tier.metric("spillway_cache_tier_budgets"), 2.0 + 256.0);
}

#[test]
fn in_a_redis_server_cache_tiers_add_up_together() {
    let server = RedisServer::start(&[]);
    let start = || CacheTier::start(&["--redis-url", &server.url(), "--redis-timeout-ms", "5000"]);
    adds_up(&start(), &start());
    let keys: Vec<String> = server.ask(&["KEYS", "spillway:b:*"]);
    assert_eq!(keys.len(), 2 * 258 + 1);
    for key in keys {
        let left: i64 = server.ask(&["PTTL", &key]);
        assert!((1..=300_000).contains(&left), "{key} stays for {left} ms");
    }
}

#[test]
fn in_a_redis_cluster_cache_tiers_add_up_together() {
    let cluster = RedisCluster::start();
    let start = || {
        let urls = cluster.urls();
        CacheTier::start(&["--redis-url", &urls, "--redis-mode", "cluster", "--redis-timeout-ms", "5000"])
    };
    adds_up(&start(), &start());
}

#[test]
fn a_master_that_is_gone_costs_its_own_tenants_for_a_while() {
    let mut cluster = RedisCluster::start();
    let urls = cluster.urls();
    let tier =
        CacheTier::start(&["--redis-url", &urls, "--redis-mode", "cluster", "--redis-timeout-ms", "1000"]);
    let all = |sequence| (0..60).map(|number| used(number, sequence, 0, SECOND)).collect::<Vec<_>>();
    eventually("all are added up", || tell(&tier, HERE, all(1)).len() == 60);
    let victim = cluster.masters()[0];
    cluster.nodes[victim].kill();
    let reply = send(&tier, HERE, all(2));
    assert!(matches!(reply.status, 200 | 503), "{reply:?}");
    eventually("a replica has taken over", || {
        let reply = send(&tier, HERE, all(2));
        reply.status == 200 && Told::parse(&reply.body).unwrap().tenants.len() == 60
    });
}

#[test]
fn without_redis_it_is_said_and_nothing_is_added() {
    let mut server = RedisServer::prepare(&[]);
    let tier = CacheTier::start(&["--redis-url", &server.url()]);
    let reply = send(&tier, HERE, vec![used(1, 1, SECOND, SECOND)]);
    assert_eq!(reply.error(), (503, "budgets_unavailable".to_owned()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(told(&tier, "timed_out"), 1.0);
    server.run();
    server.wait_until_ready();
    eventually("it is added up", || send(&tier, HERE, vec![used(1, 1, SECOND, SECOND)]).status == 200);
}

#[test]
fn what_memory_holds_is_bounded() {
    let tier = CacheTier::start(&["--max-budgets", "2"]);
    let some = tell(&tier, HERE, (0..4).map(|number| used(number, 1, 0, SECOND)).collect());
    assert_eq!(some.iter().map(|owed| owed.tenant).collect::<Vec<_>>(), [tenant(0), tenant(1)]);
    assert_eq!(told(&tier, "full"), 2.0);
    let reply = send(&tier, HERE, vec![used(3, 1, 0, SECOND)]);
    assert_eq!(reply.error(), (503, "budgets_unavailable".to_owned()));
}

#[test]
fn what_is_not_understood_is_refused_and_not_repeated() {
    let tier = CacheTier::start(&[]);
    let post = |body: &[u8]| tier.request("POST", BUDGETS_PATH, &[], body);
    for body in [&b"MARKER-0815"[..], b"", br#"{"process":"MARKER-0815","tenants":[]}"#] {
        let reply = post(body);
        assert_eq!(reply.error(), (400, "invalid_budgets".to_owned()));
        assert!(!reply.text().contains("MARKER"), "{reply:?}");
    }
    let reply = send(&tier, HERE, vec![used(1, 1, 0, 0), used(1, 1, 0, 200 * SECOND)]);
    assert_eq!(reply.message(), "tenants[1].tokens_us: expected a number from -120000000 to 120000000");
    let long = post(&vec![b' '; MAX_TELL_BYTES + 1]);
    assert_eq!(long.error(), (413, "body_too_large".to_owned()));
    assert_eq!(tier.get_path(BUDGETS_PATH).error(), (405, "method_not_allowed".to_owned()));
    assert!(!tier.log().contains("MARKER"));
}

#[test]
fn who_has_no_token_tells_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef").unwrap();
    let tier = CacheTier::start(&["--token-file", file.to_str().unwrap()]);
    let reply = send(&tier, HERE, vec![used(1, 1, 0, SECOND)]);
    assert_eq!(reply.error(), (401, "unauthorized".to_owned()));
    let body = serde_json::to_vec(&Tell { process: HERE, tenants: vec![used(1, 1, 0, SECOND)] }).unwrap();
    let headers = [("authorization", "Bearer 0123456789abcdef")];
    let reply = tier.request("POST", BUDGETS_PATH, &headers, &body);
    assert_eq!(reply.status, 200);
    assert!(reply.json()["tenants"].as_array().is_some_and(|tenants: &Vec<Value>| tenants.len() == 1));
}
