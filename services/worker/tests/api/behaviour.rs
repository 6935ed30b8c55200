//! `/simulated/behaviour`, and what it changes about good answers.

use crate::harness::{Worker, chat, get, put};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn it_is_shown_changed_and_put_back() {
    let mut worker = Worker::default();
    worker.engine.behaviour.jitter_ratio = 0.25;
    let worker = worker.start();
    let at_start = json!({
        "speed_factor": 1.0, "jitter_ratio": 0.25, "headers_first": false, "ready": true,
        "gpu_utilization": null, "fault": "none", "fault_probability": 1.0,
    });
    let path = "/simulated/behaviour";
    assert_eq!(get(worker.address, path).json(), at_start);
    let fault = json!({"status": {"code": 503, "retry_after_s": 2}});
    let mut changed = at_start.clone();
    changed["fault"] = fault.clone();
    changed["speed_factor"] = json!(0.5);
    assert_eq!(put(worker.address, path, &json!({"fault": fault, "speed_factor": 0.5})).json(), changed);
    assert_eq!(get(worker.address, path).json(), changed);
    assert_eq!(
        put(worker.address, path, &json!({})).json(),
        at_start,
        "what is not named is as at the start"
    );
}

#[test]
fn readiness_is_what_it_is_told() {
    let worker = Worker::default().start();
    assert_eq!(get(worker.address, "/ready").json(), json!({"status": "ready"}));
    put(worker.address, "/simulated/behaviour", &json!({"ready": false}));
    let reply = get(worker.address, "/ready");
    assert_eq!((reply.status, reply.json()), (503, json!({"status": "not_ready"})));
    assert_eq!(get(worker.address, "/health").json(), json!({"status": "ok"}));
    assert_eq!(chat(worker.address, json!({})).reply().status, 200, "requests are answered either way");
}

#[test]
fn headers_come_first_where_that_is_asked_for() {
    let mut worker = Worker::slow();
    worker.engine.rates.base_latency = Duration::from_secs(1);
    let worker = worker.start();
    let times = || {
        let start = Instant::now();
        let mut client = chat(worker.address, json!({"stream": true, "max_tokens": 2}));
        client.read_until("\r\n\r\n");
        let headers = start.elapsed();
        client.read_until("data: ");
        (headers, start.elapsed())
    };
    let early = Duration::from_millis(500);
    let (headers, first) = times();
    assert!(headers >= early && first - headers < early, "together: {headers:?}, {first:?}");
    put(worker.address, "/simulated/behaviour", &json!({"headers_first": true}));
    let (headers, first) = times();
    assert!(headers < early && first >= early, "headers first: {headers:?}, {first:?}");
}

#[test]
fn speed_is_a_factor() {
    let mut worker = Worker::slow();
    worker.engine.rates.base_latency = Duration::from_millis(300);
    let worker = worker.start();
    put(worker.address, "/simulated/behaviour", &json!({"speed_factor": 100.0}));
    let start = Instant::now();
    chat(worker.address, json!({"max_tokens": 10})).reply();
    assert!(start.elapsed() < Duration::from_millis(300), "800 ms at speed 1: {:?}", start.elapsed());
}
