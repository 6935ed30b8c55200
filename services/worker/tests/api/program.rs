//! The program: how it starts, what it says when it cannot, and how it ends.

use crate::harness::{chat, get, process};
use serde_json::json;
use spillway_fixtures::eventually;
use std::net::TcpListener;

const SIMULATED: [&str; 2] = ["--engine", "simulated"];

#[test]
fn it_serves_and_ends_when_it_is_told_to() {
    let mut worker = process(&SIMULATED);
    let address = worker.address();
    let body = json!({"model": "smollm2-135m-instruct", "max_tokens": 20});
    let mut in_flight = chat(address, body);
    eventually("the request runs", || {
        get(address, "/metrics").text().contains("spillway_worker_slots_busy 1.0")
    });
    worker.terminate();
    assert_eq!(in_flight.reply().status, 200);
    assert_eq!(worker.wait().code(), Some(0), "{}", worker.log());
}

#[test]
fn the_second_time_it_ends_at_once() {
    let mut worker = process(&SIMULATED);
    let address = worker.address();
    let _in_flight = chat(address, json!({"model": "smollm2-135m-instruct", "max_tokens": 2000}));
    eventually("the request runs", || {
        get(address, "/metrics").text().contains("spillway_worker_slots_busy 1.0")
    });
    worker.terminate();
    eventually("it stops", || worker.log().contains("/ready says no"));
    worker.terminate();
    assert_eq!(worker.wait().code(), Some(1));
    assert!(worker.log().contains("told to stop a second time: requests were cut"), "{}", worker.log());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut worker = process(&["--engine", "simulated", "--listen", &address.to_string()]);
    assert_eq!(worker.wait().code(), Some(1));
    let port = address.port();
    let expected =
        format!("cannot listen on {address}: choose another address than port {port} with --listen: ");
    assert!(worker.log().contains(&expected), "{}", worker.log());
    assert!(worker.log().contains("in use"), "{}", worker.log());
}

#[test]
fn a_model_that_is_not_there_is_named() {
    let mut worker = process(&["--model-file", "/no/such/model.gguf"]);
    assert_eq!(worker.wait().code(), Some(1));
    let expected =
        "the model /no/such/model.gguf cannot be loaded: cannot read /no/such/model.gguf: No such file";
    assert!(worker.log().contains(expected), "{}", worker.log());
}

#[test]
fn a_worker_without_a_model_says_what_it_needs() {
    let mut worker = process(&[]);
    assert_eq!(worker.wait().code(), Some(1));
    assert!(worker.log().contains("--engine model needs --model-file <FILE>"), "{}", worker.log());
}
