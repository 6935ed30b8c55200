//! Vectors of the simulated engine: what a client gets for which request, and what is counted.

use crate::harness::{
    EMBEDDING_MODEL, MODEL, RunningWorker, Worker, chat, get, object, post, process, put, send,
};
use serde_json::{Value, json};
use spillway_fixtures::{Client, End, Reply, eventually};
use spillway_worker::metrics::Outcome;
use std::net::SocketAddr;

/// Sends an embedding request with these fields.
fn sent(address: SocketAddr, fields: Value) -> Client {
    let mut body = json!({"model": EMBEDDING_MODEL, "input": "hello"});
    body.as_object_mut().unwrap().extend(object(fields));
    send(address, "POST", "/v1/embeddings", &body)
}

fn embed(worker: &RunningWorker, fields: Value) -> Reply {
    sent(worker.address, fields).reply()
}

/// The vectors of an answer.
fn vectors(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["data"].as_array().unwrap().iter().map(|item| item["embedding"].clone()).collect()
}

#[track_caller]
fn refuses(reply: &Reply, status: u16, code: &str, param: Option<&str>, message: &str) {
    let error = &reply.json()["error"];
    assert_eq!((reply.status, error["code"].as_str()), (status, Some(code)), "{error}");
    assert_eq!((error["param"].as_str(), error["message"].as_str()), (param, Some(message)));
}

#[test]
fn a_vector_for_each_input_in_order() {
    let worker = Worker::default().start();
    let reply = embed(&worker, json!({"input": ["one", "two", "one"]}));
    let body = reply.json();
    assert_eq!((&body["object"], &body["model"]), (&json!("list"), &json!(EMBEDDING_MODEL)));
    assert_eq!(body["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    let indices: Vec<_> = body["data"].as_array().unwrap().iter().map(|item| item["index"].clone()).collect();
    assert_eq!(indices, [0, 1, 2]);
    let vectors = vectors(&reply);
    assert_eq!(vectors[0], vectors[2]);
    assert_ne!(vectors[0], vectors[1]);
    let numbers: Vec<f64> =
        vectors[0].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    let length: f64 = numbers.iter().map(|number| number * number).sum();
    assert!(numbers.len() == 384 && (length - 1.0).abs() < 1e-5, "{length}");
}

#[test]
fn vectors_follow_from_inputs_alone() {
    let mut other = Worker::default();
    other.engine.seed = 99;
    let (first, second) = (Worker::default().start(), other.start());
    let alone = vectors(&embed(&first, json!({"input": "one"})));
    assert_eq!(vectors(&embed(&second, json!({"input": ["two", "one"]})))[1], alone[0]);
    let tokens = vectors(&embed(&first, json!({"input": [1, 2, 3]})));
    assert_eq!(vectors(&embed(&second, json!({"input": [[1, 2, 3], [1, 2]]})))[0], tokens[0]);
    assert_ne!(tokens[0], vectors(&embed(&first, json!({"input": [1, 2]})))[0]);
}

#[test]
fn base64_holds_the_same_numbers() {
    let worker = Worker::default().start();
    let plain = vectors(&embed(&worker, json!({"encoding_format": "float"}))).remove(0);
    let base64 = vectors(&embed(&worker, json!({"encoding_format": "base64"}))).remove(0);
    let numbers = decode(base64.as_str().unwrap());
    let plain: Vec<f32> =
        plain.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect();
    assert_eq!(numbers, plain);
}

/// Little-endian floats out of base64, by hand: not with what wrote it.
fn decode(text: &str) -> Vec<f32> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: u8| DIGITS.iter().position(|digit| *digit == byte).unwrap();
    let bits = text.bytes().filter(|byte| *byte != b'=').flat_map(|byte| {
        let digit = digit(byte);
        (0..6).rev().map(move |bit| digit >> bit & 1)
    });
    let bits: Vec<usize> = bits.collect();
    let byte = |bits: &[usize]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
    let bytes: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

#[test]
fn what_is_wrong_is_named() {
    let worker = Worker::default().start();
    let check = |fields: Value, status, code: &str, param, message: &str| {
        refuses(&embed(&worker, fields), status, code, param, message);
    };
    let invalid = "invalid_request";
    check(
        json!({"input": ["a", "b", "c", ""]}),
        400,
        invalid,
        Some("input[3]"),
        "input[3]: expected a string that is not empty, got an empty string",
    );
    check(
        json!({"dimensions": 256}),
        400,
        invalid,
        Some("dimensions"),
        "dimensions: expected 384, the only length of \"test-vectors\", got 256",
    );
    assert_eq!(embed(&worker, json!({"dimensions": 384})).status, 200);
    let too_long = "context_length_exceeded";
    check(
        json!({"input": ["a", "b".repeat(4001)]}),
        400,
        too_long,
        Some("input[1]"),
        "input[1]: has 1001 tokens, the limit is 1000 for each input",
    );
    check(
        json!({"input": "b".repeat(4001)}),
        400,
        too_long,
        Some("input"),
        "input: has 1001 tokens, the limit is 1000 for each input",
    );
    check(
        json!({"input": ["a".repeat(4000), "b".repeat(2001)]}),
        400,
        too_long,
        Some("input"),
        "input: has 1501 tokens in all, the limit is 1500 for a request",
    );
    assert_eq!(worker.requests(Outcome::Invalid), 5);
}

#[test]
fn each_model_serves_its_own_paths() {
    let worker = Worker::default().start();
    let missing =
        |reply: &Reply, message: &str| refuses(reply, 404, "model_not_found", Some("model"), message);
    missing(
        &embed(&worker, json!({"model": "gpt-5"})),
        "model: \"gpt-5\" is not served here, expected \"test-vectors\"",
    );
    missing(
        &embed(&worker, json!({"model": MODEL})),
        "model: \"test-model\" serves /v1/chat/completions and /v1/completions; /v1/embeddings is served by \
         \"test-vectors\"",
    );
    missing(
        &chat(worker.address, json!({"model": EMBEDDING_MODEL})).reply(),
        "model: \"test-vectors\" serves /v1/embeddings; /v1/chat/completions and /v1/completions are served by \
         \"test-model\"",
    );
    let models = get(worker.address, "/v1/models").json();
    let names: Vec<_> = models["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(names, [MODEL, EMBEDDING_MODEL]);
}

#[test]
fn requests_are_counted_with_the_others_and_do_not_blur_their_times() {
    let worker = Worker::default().start();
    embed(&worker, json!({"input": ["one", "two!!"]}));
    embed(&worker, json!({"input": ""}));
    chat(worker.address, json!({"max_tokens": 4})).reply();
    eventually("the last answer is counted", || worker.requests(Outcome::Completed) == 2);
    assert_eq!(worker.requests(Outcome::Invalid), 1);
    for (name, value) in [
        ("embedding_tokens_total", 3.0),
        ("embedding_duration_seconds_count", 1.0),
        ("prompt_tokens_total", 6.0),
        ("output_tokens_total", 4.0),
        ("time_to_first_token_seconds_count", 1.0),
        ("request_duration_seconds_count", 1.0),
        ("requests_in_flight", 0.0),
        ("embeddings_busy", 0.0),
    ] {
        assert_eq!(worker.metric(&format!("spillway_worker_{name}")), value, "{name}");
    }
}

#[test]
fn they_take_slots_and_their_time_and_clients_may_leave() {
    let mut worker = Worker::default();
    worker.engine.slots = 1;
    worker.engine.queue = 1;
    worker.engine.rates.prefill_tokens_per_s = 1.0;
    let worker = worker.start();
    let slow = || sent(worker.address, json!({"input": "x".repeat(400)}));
    let running = slow();
    worker.wait_for_load(1, 0);
    let waiting = slow();
    worker.wait_for_load(1, 1);
    let full = slow().reply();
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
    let report = full.header("endpoint-load-metrics").unwrap();
    assert!(report.contains("application_utilization=2"), "{report}");
    drop(waiting);
    worker.wait_for_load(1, 0);
    drop(running);
    worker.wait_for_load(0, 0);
    eventually("both are counted", || worker.requests(Outcome::Cancelled) == 2);
    assert_eq!(worker.app.metrics.in_flight.count(), 0);
}

#[test]
fn faults() {
    let seen = |fault: Value| {
        let worker = Worker::default().start();
        put(worker.address, "/simulated/behaviour", &json!({"fault": fault}));
        let reply = embed(&worker, json!({}));
        eventually("the request is counted", || worker.requests(Outcome::Injected) == 1);
        worker.wait_for_load(0, 0);
        (reply.status, reply.end)
    };
    assert_eq!(seen(json!({"status": {"code": 503}})), (503, End::Whole));
    assert_eq!(seen(json!("reset_before_headers")), (0, End::Reset));
    assert_eq!(seen(json!({"reset_after_events": {"n": 2}})), (0, End::Reset));
    assert_eq!(seen(json!("truncate")), (200, End::Cut));
    let worker = Worker::default().start();
    put(worker.address, "/simulated/behaviour", &json!({"fault": "stall"}));
    let client = sent(worker.address, json!({}));
    worker.wait_for_load(1, 0);
    drop(client);
    worker.wait_for_load(0, 0);
}

#[test]
fn two_models_of_one_name_are_refused() {
    let mut worker = process(&["--engine", "simulated", "--model-name", "m", "--embedding-model-name", "m"]);
    assert_eq!(worker.wait().code(), Some(1));
    let expected = "--embedding-model-name: expected a name that no other model has, got \"m\"";
    assert!(worker.log().contains(expected), "{}", worker.log());
}

#[test]
fn without_vectors_it_says_what_is_missing() {
    // The model is not there either, but that takes the worker a moment to find out.
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("model.gguf");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut worker = process(&["--model-file", pipe.to_str().unwrap()]);
    let reply = post(worker.address(), "/v1/embeddings", &json!({"model": "m", "input": "x"}));
    let message =
        "model: none here serves /v1/embeddings: the worker was started without --embedding-model-dir";
    refuses(&reply, 404, "model_not_found", Some("model"), message);
}
