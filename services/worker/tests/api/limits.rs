//! Bounds on what clients may send and ask for.

use crate::harness::{MODEL, Worker, chat, post};
use serde_json::json;
use spillway_fixtures::{Client, RequestParts, eventually};
use spillway_worker::metrics::Outcome;
use std::time::Duration;

const HEAD: &str = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
const TOO_LARGE: &str = "the body is longer than the limit of 10000 bytes";

#[test]
fn a_body_over_the_limit() {
    let worker = Worker::default().start();
    let body = vec![b' '; 10_001];
    let headers = &[("content-type", "application/json")];
    let request = RequestParts { method: "POST", path: "/v1/completions", headers, body: &body };
    let reply = Client::connect(worker.address).send(&request).reply();
    assert_eq!((reply.status, &reply.json()["error"]["message"]), (413, &json!(TOO_LARGE)));
    assert_eq!(reply.json()["error"]["code"], "body_too_large");
}

#[test]
fn a_body_that_does_not_say_how_long_it_is() {
    let worker = Worker::default().start();
    let mut client = Client::connect(worker.address);
    client.write(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes());
    for _ in 0..11 {
        client.write(format!("3e8\r\n{}\r\n", " ".repeat(1000)).as_bytes());
    }
    let reply = client.reply();
    assert_eq!((reply.status, &reply.json()["error"]["message"]), (413, &json!(TOO_LARGE)));
}

#[test]
fn a_body_at_the_limit_is_read() {
    let worker = Worker::default().start();
    let text = json!({"model": MODEL, "prompt": "x"}).to_string();
    let body = format!("{text}{}", " ".repeat(10_000 - text.len()));
    let headers = &[("content-type", "application/json")];
    let request = RequestParts { method: "POST", path: "/v1/completions", headers, body: body.as_bytes() };
    assert_eq!(Client::connect(worker.address).send(&request).reply().status, 200);
}

#[test]
fn a_body_that_does_not_come() {
    let mut worker = Worker::default();
    worker.limits.body_timeout = Duration::from_millis(100);
    let worker = worker.start();
    let mut client = Client::connect(worker.address);
    client.write(format!("{HEAD}content-length: 100\r\n\r\n{{").as_bytes());
    let reply = client.reply();
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    assert_eq!(reply.json()["error"]["code"], "request_timeout");
}

#[test]
fn a_client_that_does_not_read() {
    let mut worker = Worker::default();
    worker.engine.rates.decode_tokens_per_s = 1e7;
    worker.connections.send_timeout = Duration::from_millis(100);
    let worker = worker.start();
    let _client = chat(worker.address, json!({"stream": true, "max_tokens": 100_000}));
    eventually("the answer is given up", || worker.requests(Outcome::Cancelled) == 1);
    assert_eq!(worker.app.metrics.in_flight.count(), 0);
}

#[test]
fn a_prompt_over_the_limit() {
    let mut worker = Worker::default();
    worker.engine.max_prompt_tokens = 10;
    let worker = worker.start();
    let reply = post(worker.address, "/v1/completions", &json!({"model": MODEL, "prompt": "x".repeat(41)}));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    assert_eq!(reply.json()["error"]["message"], "the prompt has 11 tokens, the limit is 10");
    let fits = post(worker.address, "/v1/completions", &json!({"model": MODEL, "prompt": "x".repeat(40)}));
    assert_eq!(fits.status, 200);
}

#[test]
fn a_full_queue() {
    let mut worker = Worker::slow();
    worker.engine.slots = 1;
    worker.engine.queue = 1;
    let worker = worker.start();
    let long = || chat(worker.address, json!({"max_tokens": 1000}));
    let running = long();
    worker.wait_for_load(1, 0);
    let waiting = long();
    worker.wait_for_load(1, 1);
    let reply = long().reply();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(
        reply.json()["error"],
        json!({
            "message": "all 1 slots are taken and 1 requests wait, which is the limit",
            "type": "overloaded_error", "param": null, "code": "server_overloaded",
        })
    );
    assert_eq!(worker.requests(Outcome::Overloaded), 1);
    drop((running, waiting));
    worker.wait_for_load(0, 0);
}

#[test]
fn who_waits_is_served_in_order() {
    let mut worker = Worker::slow();
    worker.engine.slots = 1;
    let worker = worker.start();
    let mut clients = Vec::new();
    for number in 0..3 {
        clients.push(chat(worker.address, json!({"max_tokens": 2})));
        worker.wait_for_load(1, number);
    }
    for (done, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.reply().status, 200);
        assert!(worker.load().1 <= 2 - done, "{:?} after {done}", worker.load());
    }
}
