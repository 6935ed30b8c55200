//! Clients that leave.

use crate::harness::{Worker, chat};
use serde_json::{Value, json};
use spillway_fixtures::eventually;
use spillway_worker::metrics::Outcome;

#[track_caller]
fn frees_its_slot(fields: Value, read_first: Option<&str>) {
    let worker = Worker::slow().start();
    let mut client = chat(worker.address, fields);
    worker.wait_for_load(1, 0);
    if let Some(text) = read_first {
        client.read_until(text);
    }
    drop(client);
    worker.wait_for_load(0, 0);
    eventually("it is counted", || worker.requests(Outcome::Cancelled) == 1);
    assert_eq!(worker.app.metrics.in_flight.count(), 0);
    assert!(worker.app.metrics.text.output_tokens.get() < 50, "it was not generated to its end");
}

#[test]
fn in_the_middle_of_a_stream() {
    frees_its_slot(json!({"stream": true, "max_tokens": 1000}), Some("content\":\"w"));
}

#[test]
fn before_the_first_event() {
    frees_its_slot(json!({"stream": true, "max_tokens": 1000}), None);
}

#[test]
fn before_a_plain_answer() {
    frees_its_slot(json!({"max_tokens": 1000}), None);
}

#[test]
fn while_waiting_for_a_slot() {
    let mut worker = Worker::slow();
    worker.engine.slots = 1;
    let worker = worker.start();
    let running = chat(worker.address, json!({"max_tokens": 1000}));
    worker.wait_for_load(1, 0);
    let waiting = chat(worker.address, json!({"max_tokens": 1000}));
    worker.wait_for_load(1, 1);
    drop(waiting);
    worker.wait_for_load(1, 0);
    drop(running);
    worker.wait_for_load(0, 0);
    eventually("both are counted", || worker.requests(Outcome::Cancelled) == 2);
}

#[test]
fn a_thousand_of_them_leave_no_trace() {
    let mut worker = Worker::slow();
    worker.engine.queue = 1000;
    let worker = worker.start();
    for round in 0..20 {
        let clients: Vec<_> = (0..50)
            .map(|number| chat(worker.address, json!({"stream": number % 2 == 0, "max_tokens": 1000})))
            .collect();
        eventually("some of them run", || worker.load().0 > round % 8);
        drop(clients);
    }
    worker.wait_for_load(0, 0);
    eventually("nothing is in flight", || worker.app.metrics.in_flight.count() == 0);
}
