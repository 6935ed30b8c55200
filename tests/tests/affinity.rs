//! Requests that belong together meet the same worker, unless it has too much to do.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{MODEL, Setup, Spillway, request, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    a_session_meets_the_same_worker,
    a_prompts_beginning_meets_the_same_worker,
    a_popular_prompt_does_not_overload_one_worker,
);

async fn started(envoy_workers: u32, affinity: serde_json::Value) -> Spillway {
    let picker = json!({ "affinity": affinity, "debug_header": true });
    let spillway = Setup::new(envoy_workers).filter("endpoint-picker", picker).start().await;
    spillway.until_booked("inference").await;
    spillway
}

fn about(topic: u64, question: u64) -> Request<Full<Bytes>> {
    let system = format!("You know all about topic {topic}. ").repeat(20);
    request(
        "/v1/chat/completions",
        &json!({
            "model": MODEL,
            "max_tokens": 2,
            "messages": [
                { "role": "system", "content": system },
                { "role": "user", "content": format!("Question {question}?") },
            ],
        }),
    )
}

async fn a_session_meets_the_same_worker(envoy_workers: u32) {
    let spillway = started(envoy_workers, json!({ "header": "x-session" })).await;
    let mut homes = BTreeMap::<u64, BTreeSet<String>>::new();
    for number in 0..120 {
        let session = number % 12;
        let mut request = about(number, number);
        request.headers_mut().insert("x-session", session.to_string().parse().unwrap());
        let answer = spillway.client.send(request).await;
        assert_eq!(answer.status, 200);
        homes.entry(session).or_default().insert(answer.header("x-spillway-endpoint"));
    }
    assert!(homes.values().all(|homes| homes.len() == 1), "{homes:?}");
    let used: BTreeSet<_> = homes.into_values().flatten().collect();
    assert!(used.len() > 1, "not all sessions at one worker");
    spillway.end().await;
}

async fn a_prompts_beginning_meets_the_same_worker(envoy_workers: u32) {
    let spillway = started(envoy_workers, json!({ "prefix_tokens": 64 })).await;
    let mut homes = BTreeMap::<u64, BTreeSet<String>>::new();
    for number in 0..120 {
        let answer = spillway.client.send(about(number % 12, number)).await;
        assert_eq!(answer.status, 200);
        homes.entry(number % 12).or_default().insert(answer.header("x-spillway-endpoint"));
    }
    assert!(homes.values().all(|homes| homes.len() == 1), "{homes:?}");
    let used: BTreeSet<_> = homes.into_values().flatten().collect();
    assert!(used.len() > 1, "not all prompts at one worker");
    assert!(spillway.stats().await.own("spillway.endpoint_picker.affinity_total") >= 120);
    spillway.end().await;
}

async fn a_popular_prompt_does_not_overload_one_worker(envoy_workers: u32) {
    let engine = "--engine simulated --slots 64 --base-latency-ms 50 --decode-tokens-per-s 100";
    let picker = json!({ "affinity": { "prefix_tokens": 64 }, "debug_header": true });
    let spillway = Setup::new(envoy_workers).engine(engine).filter("endpoint-picker", picker).start().await;
    spillway.until_booked("inference").await;
    let clients = Arrivals::Closed { clients: 60 };
    let load =
        |requests| Load::new(&spillway.client, clients, Until::Requests(requests), |number| about(1, number));
    // The first second is before the picker has looked at what is in flight.
    load(1_200).run().await;
    let report = load(1_500).run().await;
    let most = report.by_endpoint().into_values().max().unwrap();
    println!("{:?}", report.by_endpoint());
    assert!(most < 900, "a third is 500: {:?}", report.by_endpoint());
    spillway.end().await;
}
