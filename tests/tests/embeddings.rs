//! Vectors through Envoy with all filters, by the simulated engine; and by the real model.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{EMBEDDING_MODEL, MODEL, Setup, chat, hurry, request, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    vectors_come_through_all_filters,
    errors_come_through_as_they_are,
    a_worker_that_dies_costs_nobody_vectors,
    the_real_model,
);

fn embed(input: &Value) -> Request<Full<Bytes>> {
    request("/v1/embeddings", &json!({ "model": EMBEDDING_MODEL, "input": input }))
}

async fn vectors_come_through_all_filters(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).sheds(json!({})).start().await;
    let before = spillway.stats().await;
    for number in 0..6 {
        let answer = spillway.client.send(embed(&json!([format!("text {number}"), "another"]))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        assert_eq!((&body["object"], &body["model"]), (&json!("list"), &json!(EMBEDDING_MODEL)));
        for index in 0..2 {
            assert_eq!(body["data"][index]["index"], index);
            assert_eq!(body["data"][index]["embedding"].as_array().unwrap().len(), 384);
        }
    }
    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    for (name, rise) in [
        ("cluster.inference.upstream_rq_200", 6),
        ("wasmcustom.spillway.endpoint_picker.score_total", 6),
        ("wasmcustom.spillway.circuit_breaker.attempts_success_total", 6),
        ("wasmcustom.spillway.circuit_breaker.attempts_failure_total", 0),
    ] {
        assert_eq!(after.rise(&before, name), rise, "{name}");
    }
    // An answer in one piece says nothing of a first token.
    let measured = after.matching("wasmcustom.spillway.pool.inference.endpoint.", ".ttft_ewma_us");
    assert!(measured.map(|(_, micros)| micros).all(|micros| micros == 0));
    assert_eq!(after.get("wasmcustom.spillway.pool.inference.admitted"), 0, "every permit came back");
    spillway.end().await;
}

async fn errors_come_through_as_they_are(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).sheds(json!({})).start().await;
    let empty = spillway.client.send(embed(&json!(["a", "b", "c", ""]))).await;
    let error = &empty.json()["error"];
    assert_eq!((empty.status, &error["param"]), (400, &json!("input[3]")), "{error}");
    let long = spillway.client.send(embed(&json!("x".repeat(20_000)))).await;
    assert_eq!((long.status, &long.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    let other = json!({ "model": MODEL, "input": "x" });
    let other = spillway.client.send(request("/v1/embeddings", &other)).await;
    assert_eq!((other.status, &other.json()["error"]["code"]), (404, &json!("model_not_found")));
    spillway.until_idle(hurry()).await;
    let stats = spillway.stats().await;
    // What is the client's own fault is no failure of a worker.
    assert_eq!(stats.own("spillway.circuit_breaker.attempts_failure_total"), 0);
    assert_eq!(spillway.client.send(chat(2)).await.status, 200);
    spillway.end().await;
}

async fn a_worker_that_dies_costs_nobody_vectors(envoy_workers: u32) {
    let mut spillway = Setup::new(envoy_workers).start().await;
    spillway.workers[0].kill();
    for number in 0..10 {
        let answer = spillway.client.send(embed(&json!(format!("text {number}")))).await;
        assert_eq!(answer.status, 200, "request {number}: {}", answer.text());
    }
    spillway.end().await;
}

async fn the_real_model(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).workers(1).model("").start().await;
    let texts = json!(["a cat sits on the mat", "a kitten lies on the rug", "interest rates rose"]);
    let answer = spillway.client.send(embed(&texts)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let vector = |index: usize| {
        let numbers = body["data"][index]["embedding"].as_array().unwrap().iter();
        numbers.map(|number| number.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let near = |a: usize, b: usize| -> f64 { vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum() };
    assert!(near(0, 1) > near(0, 2) + 0.3, "{} and {}", near(0, 1), near(0, 2));
    assert_eq!(spillway.client.send(chat(2)).await.status, 200, "the language model is there as well");
    spillway.end().await;
}
