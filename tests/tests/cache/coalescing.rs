//! Identical requests in flight are computed once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hyper::header::HeaderValue;
use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Patience, Until};
use spillway_harness::{
    Answer, Client, Filters, Setup, Spillway, eventually, hurry, with_one_and_two_envoy_workers,
};

use super::{ask, body, computed, rule, setup};

with_one_and_two_envoy_workers!(
    twenty_at_once_are_computed_once,
    streams_are_computed_once_as_well,
    streams_go_on_alone_where_the_rule_says_so,
    a_leader_that_leaves_is_succeeded,
    errors_are_handed_on_one_by_one,
    what_cannot_be_stored_is_not_waited_for,
    who_waits_for_too_long_goes_on_alone,
    nobody_is_forgotten_under_load,
    a_panic_is_survived,
);

/// An answer takes half a second.
const SLOW: &str = "--engine simulated --slots 64 --queue-requests 1000 --base-latency-ms 500 \
                    --prefill-tokens-per-s 1000000 --decode-tokens-per-s 2000";

async fn started(setup: Setup) -> Spillway {
    setup.engine(SLOW).start().await
}

/// An answer takes so long that there is time to look at what is under way.
async fn started_slowly(setup: Setup) -> Spillway {
    setup.engine(&SLOW.replace("500", "3000")).start().await
}

/// So many identical requests at the same time.
async fn at_once(spillway: &Spillway, count: usize, about: &serde_json::Value) -> Vec<Answer> {
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (client, request) = (spillway.client.clone(), ask(about));
        requests.spawn(async move { client.try_send(request).await.unwrap() });
    }
    requests.join_all().await
}

async fn twenty_at_once_are_computed_once(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({}))).await;
    let answers = at_once(&spillway, 20, &body("crowds")).await;
    assert_eq!(computed(&spillway).await, 1);
    let bodies: BTreeSet<_> = answers.iter().map(|answer| answer.body.clone()).collect();
    assert_eq!(bodies.len(), 1, "all have the same answer");
    let collapsed = answers.iter().filter(|answer| super::status(answer).contains("; collapsed")).count();
    assert!((1..20).contains(&collapsed), "{collapsed} waited");
    assert!(answers.iter().all(|answer| answer.status == 200));
    spillway.end().await;
}

async fn streams_are_computed_once_as_well(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({}))).await;
    let mut streamed = body("brooks");
    streamed["stream"] = json!(true);
    let answers = at_once(&spillway, 10, &streamed).await;
    assert_eq!(computed(&spillway).await, 1);
    assert!(answers.iter().all(|answer| answer.text().ends_with("data: [DONE]\n\n")));
    spillway.end().await;
}

async fn streams_go_on_alone_where_the_rule_says_so(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, rule(json!({ "coalesce_streams": false })))).await;
    let mut streamed = body("rivers");
    streamed["stream"] = json!(true);
    at_once(&spillway, 5, &streamed).await;
    assert_eq!(computed(&spillway).await, 5);
    spillway.end().await;
}

async fn a_leader_that_leaves_is_succeeded(envoy_workers: u32) {
    let spillway = started_slowly(setup(envoy_workers, json!({}))).await;
    let about = body("goodbyes");
    let leader = Load::new(&spillway.client, Arrivals::Closed { clients: 1 }, Until::Requests(1), {
        let about = about.clone();
        move |_| ask(&about)
    })
    .leaving(|_| Patience::Leaves(Duration::from_millis(1_500)));
    let leaves = tokio::spawn(async move { leader.run().await });
    eventually("the leader is under way", hurry(), async || {
        let mut under_way = 0;
        for worker in &spillway.workers {
            under_way += worker.counts().await.in_flight;
        }
        if under_way == 1 { Ok(()) } else { Err(under_way) }
    })
    .await;
    let answers = at_once(&spillway, 8, &about).await;
    leaves.await.unwrap();
    assert!(answers.iter().all(|answer| answer.status == 200));
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.successions_total"), 1);
    assert_eq!(stats.own("spillway.response_cache.stored_total"), 1, "one of them computed it for all");
    spillway.end().await;
}

async fn errors_are_handed_on_one_by_one(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({})).workers(1)).await;
    // Not retried, and not a failure that trips before the end.
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 400 } } })).await;
    let answers = at_once(&spillway, 6, &body("mistakes")).await;
    assert!(answers.iter().all(|answer| answer.status == 400), "an error is nobody else's");
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.header("x-request-id")).collect();
    println!("{} answers, {} ids", answers.len(), ids.len());
    let stats = spillway.stats().await;
    let successions = stats.own("spillway.response_cache.successions_total");
    assert_eq!(computed(&spillway).await, 6);
    assert!((1..=5).contains(&successions), "{successions}");
    spillway.end().await;
}

async fn what_cannot_be_stored_is_not_waited_for(envoy_workers: u32) {
    let setup = setup(envoy_workers, rule(json!({ "cacheable": "all" })))
        .filter("response-cache", json!({ "max_entry_bytes": 1_024 }));
    let spillway = started(setup).await;
    let mut long = body("length");
    long["max_tokens"] = json!(400);
    let began = Instant::now();
    let answers = at_once(&spillway, 6, &long).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body.len() > 1_024));
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.stored_total"), 0);
    assert_eq!(stats.own("spillway.response_cache.successions_total"), 0, "they went on together");
    println!("took {:?}", began.elapsed());
    let followers = stats.own("spillway.response_cache.followers_total");
    at_once(&spillway, 6, &long).await;
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.followers_total"), followers, "nobody waits any more");
    spillway.end().await;
}

async fn who_waits_for_too_long_goes_on_alone(envoy_workers: u32) {
    let setup = setup(envoy_workers, json!({ "follower_timeout_ms": 300 }));
    let engine = SLOW.replace("500", "4000");
    let spillway = setup.engine(&engine).start().await;
    let answers = at_once(&spillway, 4, &body("patience")).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let late = spillway.stats().await.own("spillway.response_cache.followers_late_total");
    assert!((1..=3).contains(&late), "{late}");
    spillway.end().await;
}

async fn nobody_is_forgotten_under_load(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({ "max_entries": 64, "max_bytes": 65_536 })).start().await;
    let sometimes = json!({ "fault": { "status": { "code": 503 } }, "fault_probability": 0.2 });
    spillway.workers[0].behave(sometimes).await;
    let load =
        Load::new(&spillway.client, Arrivals::Closed { clients: 40 }, Until::Requests(4_000), |number| {
            ask(&body(&format!("{}", number % 97)))
        })
        .leaving(|number| {
            if number % 7 == 0 { Patience::Leaves(Duration::from_millis(3)) } else { Patience::ToTheEnd }
        });
    let report = load.run().await;
    assert!(report.broken().is_empty(), "{:?}", report.broken());
    spillway.until_idle(Duration::from_secs(10)).await;
    spillway.end().await;
}

async fn a_panic_is_survived(envoy_workers: u32) {
    let setup = setup(envoy_workers, json!({ "follower_timeout_ms": 2_000 })).filters(Filters::Chaos);
    let spillway = started_slowly(setup).await;
    let kept = spillway.client.send(ask(&body("yesterday"))).await;
    let about = body("tomorrow");
    let (client, request) = (spillway.client.clone(), ask(&about));
    let leader = tokio::spawn(async move { client.try_send(request).await });
    eventually("the leader is under way", hurry(), async || {
        let ended = computed(&spillway).await;
        let mut under_way = 0;
        for worker in &spillway.workers {
            under_way += worker.counts().await.in_flight;
        }
        if (ended, under_way) == (1, 1) {
            Ok(())
        } else {
            Err(format!("{ended} ended, {under_way} under way"))
        }
    })
    .await;
    let mut panic = ask(&about);
    panic.headers_mut().insert("x-spillway-chaos", HeaderValue::from_static("response-cache"));
    let answer = Client::new(spillway.api()).try_send(panic).await;
    assert!(answer.is_err() || answer.as_ref().is_ok_and(|answer| answer.status == 503), "{answer:?}");
    leader.await.unwrap().ok();
    // Nobody waits for longer than the limit for a leader that is gone, and what was kept is still there.
    for _ in 0..4 {
        let answer = Client::new(spillway.api()).send(ask(&about)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let again = Client::new(spillway.api()).send(ask(&body("yesterday"))).await;
    assert_eq!(again.body, kept.body);
    super::is_hit(&again);
    spillway.end_after_traps(1).await;
}
