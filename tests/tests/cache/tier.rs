//! With the cache tier: what outlives Envoy, and what two Envoys share.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{CacheTier, Setup, eventually, with_one_and_two_envoy_workers};

use super::{body, computed, is_hit, is_miss, status, with_header};

with_one_and_two_envoy_workers!(
    a_new_envoy_answers_from_the_tier,
    a_new_tier_answers_from_its_disk,
    two_envoys_compute_once,
    a_dead_tier_costs_nothing_after_three_failures,
    a_tier_without_endpoints_is_no_tier,
    what_was_stored_for_one_tenant_is_nobody_elses,
    writes_outlive_their_client,
);

fn setup(envoy_workers: u32, tier: &CacheTier) -> Setup {
    // What is tested is not how fast a busy machine is.
    setup_with(envoy_workers, tier, &json!({ "timeout_ms": 10_000, "write_timeout_ms": 30_000 }))
}

pub(super) fn setup_with(envoy_workers: u32, tier: &CacheTier, limits: &Value) -> Setup {
    Setup::new(envoy_workers).cache_tier(tier).filter("response-cache", json!({ "tier": limits }))
}

/// A request to the same host, whichever port Envoy listens on.
pub(super) fn ask(body: &Value) -> Request<Full<Bytes>> {
    with_header(super::ask(body), "host", "api.example.com")
}

async fn a_new_envoy_answers_from_the_tier(envoy_workers: u32) {
    let tier = CacheTier::start().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let first = spillway.client.send(ask(&body("restarts"))).await;
    is_miss(&first);
    tier.until_stored(1).await;
    spillway.end().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let again = spillway.client.send(ask(&body("restarts"))).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert!(status(&again).ends_with("; detail=tier_memory"), "{}", status(&again));
    assert_eq!(computed(&spillway).await, 0);
    assert_eq!(spillway.stats().await.own("spillway.response_cache.hits_tier_total"), 1);
    is_hit(&spillway.client.send(ask(&body("restarts"))).await);
    assert_eq!(spillway.stats().await.own("spillway.response_cache.hits_memory_total"), 1, "promoted");
    spillway.end().await;
}

async fn a_new_tier_answers_from_its_disk(envoy_workers: u32) {
    let mut tier = CacheTier::start().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let first = spillway.client.send(ask(&body("power cuts"))).await;
    is_miss(&first);
    tier.until_stored(1).await;
    spillway.end().await;
    tier.restart().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let again = spillway.client.send(ask(&body("power cuts"))).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert!(status(&again).ends_with("; detail=disk"), "{}", status(&again));
    spillway.end().await;
}

async fn two_envoys_compute_once(envoy_workers: u32) {
    let tier = CacheTier::start().await;
    let slow = "--engine simulated --slots 64 --base-latency-ms 500 --decode-tokens-per-s 2000";
    let here = setup(envoy_workers, &tier).engine(slow).start().await;
    let there = setup(envoy_workers, &tier).engine(slow).start().await;
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = if number % 2 == 0 { here.client.clone() } else { there.client.clone() };
        let request = ask(&body("twins"));
        requests.spawn(async move { client.try_send(request).await.unwrap() });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "all have the same answer");
    assert_eq!(computed(&here).await + computed(&there).await, 1);
    here.end().await;
    there.end().await;
}

async fn a_dead_tier_costs_nothing_after_three_failures(envoy_workers: u32) {
    let mut tier = CacheTier::start().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    tier.kill();
    for number in 0..40 {
        let began = Instant::now();
        is_miss(&spillway.client.send(ask(&body(&format!("silence {number}")))).await);
        assert!(began.elapsed() < Duration::from_secs(5), "no request hangs");
    }
    let stats = spillway.stats().await;
    let lookups = stats.own("spillway.response_cache.tier_lookups_total");
    // Three failures of each Envoy worker, of which some are of writes, and a probe now and then.
    assert!((1..=16).contains(&lookups), "{lookups}");
    assert!(stats.own("spillway.response_cache.tier_failures_total") >= 3);
    is_hit(&spillway.client.send(ask(&body("silence 1"))).await);
    tier.restart().await;
    eventually("it is asked again", Duration::from_secs(60), async || {
        let number = Instant::now();
        spillway.client.send(ask(&body(&format!("return {number:?}")))).await;
        let stats = spillway.stats().await;
        let written = stats.own("spillway.response_cache.tier_writes_total");
        let failed = stats.own("spillway.response_cache.tier_writes_failed_total");
        if written > failed { Ok(()) } else { Err(format!("{written} written, {failed} failed")) }
    })
    .await;
    spillway.end().await;
}

async fn what_was_stored_for_one_tenant_is_nobody_elses(envoy_workers: u32) {
    let tier = CacheTier::start().await;
    let of = |credential: &str| with_header(ask(&body("secrets")), "authorization", credential);
    let spillway = setup(envoy_workers, &tier).start().await;
    is_miss(&spillway.client.send(of("Bearer a")).await);
    tier.until_stored(1).await;
    spillway.end().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    is_miss(&spillway.client.send(of("Bearer b")).await);
    assert!(status(&spillway.client.send(of("Bearer a")).await).starts_with("spillway; hit"));
    spillway.end().await;
}

async fn writes_outlive_their_client(envoy_workers: u32) {
    let tier = CacheTier::start().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    for number in 0..30 {
        is_miss(&spillway.client.send(ask(&body(&format!("haste {number}")))).await);
    }
    tier.until_stored(30).await;
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.tier_writes_failed_total"), 0);
    assert_eq!(stats.own("spillway.response_cache.tier_writes_dropped_total"), 0);
    spillway.end().await;
}

/// Such a call-out fails while it is made.
async fn a_tier_without_endpoints_is_no_tier(envoy_workers: u32) {
    let setup = Setup::new(envoy_workers).edit(|config| {
        let clusters = config["static_resources"]["clusters"].as_array_mut().unwrap();
        let tier = clusters.iter_mut().find(|cluster| cluster["name"] == "cache-tier").unwrap();
        tier["load_assignment"]["endpoints"] = json!([]);
    });
    let spillway = setup.start().await;
    for number in 0..10 {
        is_miss(&spillway.client.send(ask(&body(&format!("nothing {number}")))).await);
    }
    is_hit(&spillway.client.send(ask(&body("nothing 1"))).await);
    spillway.end().await;
}
