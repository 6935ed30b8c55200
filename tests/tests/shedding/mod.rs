//! The load-shedder in real Envoy: who is admitted, who waits, who is refused and what they are told.

mod budgets;
mod consumers;
mod deadlines;
mod degraded;
mod gpu;
mod levels;
mod limit;
mod many_tenants;
mod notices;
mod overloaded;
mod permits;
mod queue;
mod refusals;
mod shared_budgets;
mod smaller_model;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{Setup, Spillway, Streaming, eventually, hurry, streamed_chat};
use tokio::task::JoinHandle;

/// A pool that is given so many requests at a time, and clients that say how important theirs are.
fn held_to(envoy_workers: u32, limit: u64, more: Value) -> Setup {
    // Slow enough that a stream is there for as long as a test wants.
    let engine = "--engine simulated --slots 64 --base-latency-ms 2 --prefill-tokens-per-s 100000 \
                  --decode-tokens-per-s 50 --headers-first";
    let config = json!({ "limit": { "min": limit, "max": limit }, "trust_priority_header": true });
    Setup::new(envoy_workers).engine(engine).sheds(config).filter("load-shedder", more)
}

fn level(mut request: Request<Full<Bytes>>, level: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert("x-spillway-priority", level.parse().unwrap());
    request
}

fn pool(noun: &str) -> String {
    format!("spillway.pool.inference.{noun}")
}

fn own(noun: &str) -> String {
    format!("spillway.load_shedder.{noun}")
}

/// A stream that holds a permit until it is dropped.
async fn hold(spillway: &Spillway) -> Streaming {
    let mut stream = spillway.client.stream(streamed_chat(2_000)).await;
    assert_eq!(stream.status, 200);
    stream.next().await.unwrap();
    stream
}

async fn until(spillway: &Spillway, name: &str, expected: u64) {
    eventually(name, hurry(), async || {
        let found = spillway.stats().await.own(name);
        if found == expected { Ok(()) } else { Err(format!("{found}, expected {expected}")) }
    })
    .await;
}

/// Sends a request and does not wait for its answer: its status, once it is there.
fn sent(spillway: &Spillway, request: Request<Full<Bytes>>) -> JoinHandle<u16> {
    let client = spillway.client.clone();
    tokio::spawn(async move { client.send(request).await.status })
}

/// The pool is as it was at the start, and the processes end.
async fn end(spillway: Spillway) {
    for gauge in ["admitted", "waiting", "level.critical.waiting", "level.sheddable.waiting"] {
        until(&spillway, &pool(gauge), 0).await;
    }
    spillway.until_idle(Duration::from_secs(10)).await;
    spillway.end().await;
}
