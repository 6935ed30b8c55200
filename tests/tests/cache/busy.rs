//! A stale answer instead of an error, instead of waiting, and while a fresh one is computed.

use std::time::Duration;

use serde_json::{Value, json};
use spillway_harness::{Spillway, eventually, hurry, with_one_and_two_envoy_workers};

use super::{ask, body, computed, is_hit, is_miss, rule, setup, status};

with_one_and_two_envoy_workers!(
    instead_of_an_error,
    when_every_worker_is_isolated,
    while_a_fresh_one_is_computed,
);

const TTL: Duration = Duration::from_secs(2);

fn times(stale: &str) -> Value {
    let mut times = json!({ "ttl_ms": 2_000, "stale_if_error_ms": 0, "stale_when_busy_ms": 0 });
    times[stale] = json!(60_000);
    rule(times)
}

async fn expired(spillway: &Spillway) -> spillway_harness::Answer {
    let first = spillway.client.send(ask(&body("bread"))).await;
    is_miss(&first);
    is_hit(&spillway.client.send(ask(&body("bread"))).await);
    tokio::time::sleep(TTL + Duration::from_millis(100)).await;
    first
}

async fn instead_of_an_error(envoy_workers: u32) {
    let spillway = setup(envoy_workers, times("stale_if_error_ms")).workers(1).start().await;
    let first = expired(&spillway).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 500 } } })).await;
    let stale = spillway.client.send(ask(&body("bread"))).await;
    assert_eq!((stale.status, &stale.body), (200, &first.body), "{}", stale.text());
    assert!(status(&stale).starts_with("spillway; hit; ttl=-"), "{}", status(&stale));
    assert_eq!(spillway.client.send(ask(&body("stones"))).await.status, 500, "where there is no entry");
    spillway.workers[0].behave(json!({ "fault": "none" })).await;
    let fresh = spillway.client.send(ask(&body("bread"))).await;
    assert_eq!((fresh.status, status(&fresh).as_str()), (200, "spillway; fwd=stale"));
    spillway.access_log_line("cache=[result=stale_if_error tier=memory]").await;
    spillway.end().await;
}

async fn when_every_worker_is_isolated(envoy_workers: u32) {
    let breaker = json!({ "max_isolated_percent": 100 });
    let setup = setup(envoy_workers, times("stale_when_busy_ms")).filter("circuit-breaker", breaker);
    let spillway = setup.start().await;
    spillway.until_booked("inference").await;
    let first = expired(&spillway).await;
    for worker in &spillway.workers {
        worker.behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    }
    eventually("all are isolated", hurry(), async || {
        let answer = spillway.client.send(ask(&body("nothing"))).await;
        let open = spillway.stats().await.own("spillway.pool.inference.isolated_circuits");
        if answer.status == 503 && open == 3 { Ok(()) } else { Err(format!("{open} open")) }
    })
    .await;
    // The picker says so with its next look.
    let stale = eventually("a stale answer", hurry(), async || {
        let answer = spillway.client.send(ask(&body("bread"))).await;
        if answer.status == 200 { Ok(answer) } else { Err(answer.text()) }
    })
    .await;
    assert_eq!(stale.body, first.body);
    assert!(status(&stale).starts_with("spillway; hit; ttl=-"), "{}", status(&stale));
    assert!(spillway.stats().await.own("spillway.response_cache.hits_stale_total") >= 1);
    spillway.end().await;
}

async fn while_a_fresh_one_is_computed(envoy_workers: u32) {
    let spillway = setup(envoy_workers, times("stale_while_revalidate_ms")).start().await;
    let first = expired(&spillway).await;
    let before = computed(&spillway).await;
    let stale = spillway.client.send(ask(&body("bread"))).await;
    assert_eq!((stale.status, &stale.body), (200, &first.body), "at once");
    eventually("a fresh one has taken its place", hurry(), async || {
        let answer = spillway.client.send(ask(&body("bread"))).await;
        if answer.body == first.body {
            return Err(status(&answer));
        }
        is_hit(&answer);
        Ok(())
    })
    .await;
    assert_eq!(computed(&spillway).await, before + 1, "one refresher");
    assert_eq!(spillway.stats().await.own("spillway.response_cache.refreshes_total"), 1);
    spillway.end().await;
}
