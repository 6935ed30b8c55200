//! Headers by which a client would like to steer the gateway.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    a_client_cannot_choose_its_endpoint_in_mode_enforce,
    a_client_cannot_choose_its_endpoint_in_mode_observe,
    a_client_cannot_choose_its_endpoint_in_mode_off,
    a_client_cannot_change_time_limits_and_retries,
);

fn chat_with(headers: &[(&'static str, String)]) -> Request<Full<Bytes>> {
    let mut request = chat(2);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().append(HeaderName::from_static(name), value);
    }
    request
}

/// Two workers, and every client asks for the first one.
async fn a_client_cannot_choose(envoy_workers: u32, mode: &'static str) {
    let setup = Setup::new(envoy_workers)
        .workers(2)
        .filter("endpoint-picker", json!({ "rules": [{ "mode": mode }] }));
    let spillway = setup.start().await;
    let wanted = spillway.workers[0].address().to_string();
    let request = move |number: u64| {
        let header = ("x-gateway-destination-endpoint", wanted.clone());
        // Once, or twice over: a filter that removes only the first one would be fooled.
        chat_with(&[header.clone(), header][..if number.is_multiple_of(2) { 1 } else { 2 }])
    };
    let clients = Arrivals::Closed { clients: 4 };
    let report = Load::new(&spillway.client, clients, Until::Requests(80), request).run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, 80)]);
    let other = spillway.workers[1].counts().await.total();
    assert!(other >= 15, "the other worker got {other} of 80");
    spillway.end().await;
}

async fn a_client_cannot_choose_its_endpoint_in_mode_enforce(envoy_workers: u32) {
    a_client_cannot_choose(envoy_workers, "enforce").await;
}

async fn a_client_cannot_choose_its_endpoint_in_mode_observe(envoy_workers: u32) {
    a_client_cannot_choose(envoy_workers, "observe").await;
}

async fn a_client_cannot_choose_its_endpoint_in_mode_off(envoy_workers: u32) {
    a_client_cannot_choose(envoy_workers, "off").await;
}

async fn a_client_cannot_change_time_limits_and_retries(envoy_workers: u32) {
    let engine = "--engine simulated --slots 8 --base-latency-ms 100 --decode-tokens-per-s 2000";
    let spillway = Setup::new(envoy_workers).workers(2).engine(engine).start().await;
    let hurried = [
        ("x-envoy-upstream-rq-timeout-ms", "1".to_owned()),
        ("x-envoy-expected-rq-timeout-ms", "1".to_owned()),
    ];
    let answer = spillway.client.send(chat_with(&hurried)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for worker in &spillway.workers {
        worker.behave(json!({ "fault": { "status": { "code": 429 } } })).await;
    }
    let before = spillway.stats().await;
    let insisting = [
        ("x-envoy-retry-on", "retriable-status-codes,retriable-4xx,5xx".to_owned()),
        ("x-envoy-retriable-status-codes", "429".to_owned()),
        ("x-envoy-max-retries", "9".to_owned()),
    ];
    let answer = spillway.client.send(chat_with(&insisting)).await;
    assert_eq!(answer.status, 429);
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, "cluster.inference.upstream_rq_total"), 1, "one attempt");
    spillway.end().await;
}
