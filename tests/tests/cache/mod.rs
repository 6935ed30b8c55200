//! The response cache in real Envoy: what is answered without a worker, what never is, and who waits for whom.

mod busy;
mod coalescing;
mod control;
mod faults;
mod hits;
mod never;
mod tier;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{Answer, MODEL, Setup, Spillway, request};

/// A deterministic request about something.
fn body(about: &str) -> Value {
    json!({
        "model": MODEL,
        "messages": [{ "role": "user", "content": format!("Tell me about {about}.") }],
        "max_tokens": 4,
        "temperature": 0,
    })
}

fn ask(body: &Value) -> Request<Full<Bytes>> {
    request("/v1/chat/completions", body)
}

fn with_header(mut request: Request<Full<Bytes>>, name: &'static str, value: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

fn setup(envoy_workers: u32, cache: Value) -> Setup {
    let setup = Setup::new(envoy_workers).filter("response-cache", json!({ "tier": null }));
    setup.filter("response-cache", cache)
}

/// One rule for everything.
fn rule(rule: Value) -> Value {
    Value::Object([("rules".to_owned(), Value::Array(vec![rule]))].into_iter().collect())
}

/// Requests that workers have ended.
async fn computed(spillway: &Spillway) -> u64 {
    let mut computed = 0;
    for worker in &spillway.workers {
        computed += worker.counts().await.total();
    }
    computed
}

fn status(answer: &Answer) -> String {
    answer.header("cache-status")
}

/// The answer is a hit of memory.
#[track_caller]
fn is_hit(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let status = status(answer);
    assert!(status.starts_with("spillway; hit; ttl=") && status.ends_with("; detail=memory"), "{status}");
}

/// The answer was computed.
#[track_caller]
fn is_miss(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(status(answer), "spillway; fwd=miss");
}
