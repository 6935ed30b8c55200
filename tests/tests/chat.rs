//! A chat through Envoy, plain and streamed, answered by the simulated engine.

use std::time::Instant;

use serde_json::{Value, json};
use spillway_harness::{MODEL, Setup, chat, hurry, request, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(plain, streamed, other_paths);

async fn plain(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).start().await;
    let before = spillway.stats().await;
    let answer = spillway.client.send(chat(5)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("endpoint-load-metrics").is_empty(), "the load report passes");
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert!(!body["choices"][0]["message"]["content"].as_str().unwrap().is_empty(), "{body}");
    assert_eq!(body["usage"]["completion_tokens"], 5);
    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    for (name, rise) in [
        ("cluster.inference.upstream_rq_200", 1),
        ("wasmcustom.spillway.endpoint_picker.score_total", 1),
        ("wasmcustom.spillway.circuit_breaker.attempts_success_total", 1),
        ("wasmcustom.spillway.circuit_breaker.attempts_failure_total", 0),
    ] {
        assert_eq!(after.rise(&before, name), rise, "{name}");
    }
    spillway.end().await;
}

async fn streamed(envoy_workers: u32) {
    let engine = "--engine simulated --slots 8 --base-latency-ms 2 --decode-tokens-per-s 40 --headers-first";
    let spillway = Setup::new(envoy_workers).engine(engine).start().await;
    let sent = Instant::now();
    let mut answer = spillway.client.stream(streamed_chat(20)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/event-stream"), "{:?}", answer.headers);
    let first = answer.next().await.unwrap().unwrap();
    let first_came = sent.elapsed();
    let mut events = vec![first];
    events.extend(answer.rest().await.unwrap());
    assert!(first_came < sent.elapsed() / 2, "events come when they are made, not all at the end");
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(!text.is_empty());
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 20);
    spillway.until_idle(hurry()).await;
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.circuit_breaker.attempts_success_total"), 1);
    let endpoints = stats.matching("wasmcustom.spillway.pool.inference.endpoint.", ".ttft_ewma_us");
    let measured: Vec<_> = endpoints.map(|(_, micros)| micros).filter(|micros| *micros > 0).collect();
    // 2 ms and the first token's 25 ms, not the headers that came at once.
    assert!(matches!(measured[..], [micros] if micros >= 25_000), "{measured:?}");
    spillway.end().await;
}

async fn other_paths(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).start().await;
    let models = spillway.client.get("/v1/models").await;
    assert_eq!((models.status, models.json()["data"][0]["id"].clone()), (200, json!(MODEL)));
    let body = json!({ "model": MODEL, "prompt": "Once", "max_tokens": 3 });
    let completion = spillway.client.send(request("/v1/completions", &body)).await;
    assert_eq!(completion.status, 200, "{}", completion.text());
    assert!(!completion.json()["choices"][0]["text"].as_str().unwrap().is_empty());
    let missing = spillway.client.get("/v1/nothing").await;
    assert_eq!((missing.status, missing.json()["error"]["code"].clone()), (404, json!("path_not_found")));
    spillway.end().await;
}
