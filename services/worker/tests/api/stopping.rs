//! Stopping, as clients see it.

use crate::harness::{Worker, chat, get};
use serde_json::json;
use spillway_fixtures::eventually;
use std::time::{Duration, Instant};

#[test]
fn requests_in_flight_are_finished_and_new_ones_refused() {
    let mut worker = Worker::slow().start();
    let mut in_flight = chat(worker.address, json!({"stream": true, "max_tokens": 40}));
    in_flight.read_until("data: ");
    worker.stop();
    eventually("/ready says no", || get(worker.address, "/ready").json() == json!({"status": "draining"}));
    let mut refused = None;
    eventually("requests are refused", || {
        refused = Some(chat(worker.address, json!({"max_tokens": 1})).reply());
        refused.as_ref().is_some_and(|reply| reply.status != 200)
    });
    let refused = refused.unwrap();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("draining")));
    assert_eq!((refused.header("retry-after"), refused.header("connection")), (Some("1"), Some("close")));
    assert_eq!(refused.header("x-envoy-immediate-health-check-fail"), Some("true"));
    assert_eq!(get(worker.address, "/health").status, 200);
    in_flight.read_until("[DONE]");
    assert_eq!(worker.stopped(), 0);
}

#[test]
fn what_waits_is_handed_back_at_once() {
    let mut worker = Worker::slow();
    worker.engine.slots = 1;
    let mut worker = worker.start();
    let mut runs = chat(worker.address, json!({"stream": true, "max_tokens": 40}));
    runs.read_until("data: ");
    let mut waits: Vec<_> =
        [false, true].map(|stream| chat(worker.address, json!({"max_tokens": 4, "stream": stream}))).into();
    worker.wait_for_load(1, 2);
    worker.stop();
    for client in &mut waits {
        let reply = client.reply();
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (503, &json!("draining")));
        assert_eq!((reply.header("retry-after"), reply.header("connection")), (Some("1"), Some("close")));
        assert_eq!(reply.header("x-envoy-immediate-health-check-fail"), Some("true"));
    }
    runs.read_until("[DONE]");
    assert_eq!(worker.stopped(), 0, "nothing was cut");
}

#[test]
fn readiness_is_withdrawn_before_requests_are_refused() {
    let mut worker = Worker::default();
    worker.drain.delay = Duration::from_secs(2);
    let mut worker = worker.start();
    worker.stop();
    eventually("/ready says no", || get(worker.address, "/ready").status == 503);
    assert_eq!(chat(worker.address, json!({})).reply().status, 200, "who routes has time to see it");
    assert_eq!(worker.stopped(), 0);
}

#[test]
fn what_takes_too_long_is_cut() {
    let mut worker = Worker::slow();
    worker.drain.timeout = Duration::from_millis(200);
    let mut worker = worker.start();
    let _in_flight = chat(worker.address, json!({"max_tokens": 10_000}));
    worker.wait_for_load(1, 0);
    let start = Instant::now();
    worker.stop();
    assert_eq!(worker.stopped(), 1);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
