//! Faults that are asked for, as a client sees them.

use crate::harness::{Worker, chat, put};
use serde_json::{Value, json};
use spillway_fixtures::{End, eventually};
use spillway_inference::api::{Api, Ending};
use spillway_inference::sse::Scanner;
use spillway_worker::metrics::Outcome;
use std::time::Duration;

/// How a client sees an answer under a fault: status, events with data, the ending, and how the connection ended.
fn seen(fault: &Value, stream: bool) -> (u16, u64, Option<Ending>, End) {
    let worker = Worker::default().start();
    assert_eq!(put(worker.address, "/simulated/behaviour", &json!({"fault": fault})).status, 200);
    let reply = chat(worker.address, json!({"stream": stream, "max_tokens": 3})).reply();
    let mut scanner = Scanner::new(Some(Api::ChatCompletions));
    scanner.feed(&reply.body);
    eventually("the request is counted", || worker.requests(Outcome::Injected) == 1);
    worker.wait_for_load(0, 0);
    assert_eq!(worker.app.metrics.in_flight.count(), 0);
    (reply.status, scanner.events(), scanner.ending(), reply.end)
}

#[test]
fn streams() {
    let check = |fault: Value, status, events, end| {
        assert_eq!(seen(&fault, true), (status, events, None, end), "{fault}");
    };
    check(json!({"status": {"code": 503}}), 503, 0, End::Whole);
    check(json!("reset_before_headers"), 0, 0, End::Reset);
    check(json!({"reset_after_events": {"n": 0}}), 200, 0, End::Reset);
    check(json!({"reset_after_events": {"n": 2}}), 200, 2, End::Reset);
    check(json!("truncate"), 200, 4, End::Whole);
}

#[test]
fn plain_answers() {
    let check = |fault: Value, status, end| {
        let (got_status, _, _, got_end) = seen(&fault, false);
        assert_eq!((got_status, got_end), (status, end), "{fault}");
    };
    check(json!({"status": {"code": 429, "retry_after_s": 7}}), 429, End::Whole);
    check(json!("reset_before_headers"), 0, End::Reset);
    check(json!({"reset_after_events": {"n": 2}}), 0, End::Reset);
    check(json!("truncate"), 200, End::Cut);
}

#[test]
fn an_injected_status_has_a_body_and_may_say_when_to_come_back() {
    let worker = Worker::default().start();
    for (fault, code, retry_after) in [
        (json!({"code": 503, "retry_after_s": 7}), "server_overloaded", Some("7")),
        (json!({"code": 429}), "saturated", None),
        (json!({"code": 502}), "internal_error", None),
        (json!({"code": 418}), "invalid_request", None),
    ] {
        put(worker.address, "/simulated/behaviour", &json!({"fault": {"status": fault}}));
        let reply = chat(worker.address, json!({})).reply();
        assert_eq!(json!(reply.status), fault["code"]);
        assert_eq!(reply.json()["error"]["code"], code);
        assert_eq!(reply.json()["error"]["message"], format!("injected fault: status {}", reply.status));
        assert_eq!(reply.header("retry-after"), retry_after);
    }
}

#[test]
fn a_stalled_request_stays_in_flight_until_its_client_leaves() {
    let worker = Worker::default().start();
    put(worker.address, "/simulated/behaviour", &json!({"fault": "stall"}));
    let client = chat(worker.address, json!({"stream": true}));
    worker.wait_for_load(1, 0);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(worker.load(), (1, 0), "it holds its slot");
    assert_eq!(worker.app.metrics.in_flight.count(), 1);
    drop(client);
    worker.wait_for_load(0, 0);
    eventually("it is counted", || worker.requests(Outcome::Injected) == 1);
    assert_eq!(worker.app.metrics.in_flight.count(), 0);
}

#[test]
fn which_requests_fail_follows_from_the_seed() {
    let statuses = |seed| -> Vec<u16> {
        let mut worker = Worker::default();
        worker.engine.seed = seed;
        let worker = worker.start();
        let change = json!({"fault": {"status": {"code": 500}}, "fault_probability": 0.5});
        put(worker.address, "/simulated/behaviour", &change);
        (0..40).map(|_| chat(worker.address, json!({"max_tokens": 1})).reply().status).collect()
    };
    let first = statuses(1);
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((10..=30).contains(&failed), "{failed} of 40");
    assert_eq!(first, statuses(1));
    assert_ne!(first, statuses(2));
}
