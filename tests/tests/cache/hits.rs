//! What is answered without a worker.

use serde_json::{Value, json};
use spillway_harness::{
    EMBEDDING_MODEL, MODEL, Setup, eventually, hurry, request, with_one_and_two_envoy_workers,
};

use super::{ask, body, computed, is_hit, is_miss, rule, setup, with_header};

with_one_and_two_envoy_workers!(
    the_second_time_it_is_answered_from_memory,
    how_a_request_is_written_does_not_matter,
    a_stream_is_replayed_byte_for_byte,
    embeddings_are_kept,
    an_entry_is_fresh_for_its_time_and_no_longer,
    memory_is_bounded,
    observed_nothing_is_answered,
);

async fn the_second_time_it_is_answered_from_memory(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let first = spillway.client.send(ask(&body("rain"))).await;
    is_miss(&first);
    for _ in 0..8 {
        let again = spillway.client.send(ask(&body("rain"))).await;
        is_hit(&again);
        assert_eq!(again.body, first.body, "byte for byte");
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert!(again.header("age").parse::<u64>().unwrap() < 60);
    }
    assert_eq!(computed(&spillway).await, 1);
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.hits_memory_total"), 8);
    assert_eq!(stats.own("spillway.response_cache.stored_total"), 1);
    let line = spillway.access_log_line("cache-status=[spillway; hit; ttl=").await;
    assert!(line.contains(" 200 "), "{line}");
    spillway.end().await;
}

async fn how_a_request_is_written_does_not_matter(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let written = |text: &str| {
        let request = hyper::Request::post("/v1/chat/completions").header("content-type", "application/json");
        request.body(text.to_owned().into()).unwrap()
    };
    let first = format!(
        r#"{{"model":"{MODEL}","temperature":0,"max_tokens":2,"messages":[{{"role":"user","content":"Zoë"}}]}}"#
    );
    let again = format!(
        r#" {{ "user": "me", "messages": [ {{ "content": "Zo\u00eb", "role": "user" }} ], "max_tokens": 2,
            "temperature": 0, "model": "{MODEL}", "metadata": {{ "run": "7" }} }} "#
    );
    is_miss(&spillway.client.send(written(&first)).await);
    is_hit(&spillway.client.send(written(&again)).await);
    let other = first.replace("\"max_tokens\":2", "\"max_tokens\":3");
    is_miss(&spillway.client.send(written(&other)).await);
    spillway.end().await;
}

async fn a_stream_is_replayed_byte_for_byte(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let mut body = body("streams");
    body["stream"] = json!(true);
    let first = spillway.client.send(ask(&body)).await;
    is_miss(&first);
    assert!(first.text().ends_with("data: [DONE]\n\n"), "{}", first.text());
    let again = spillway.client.send(ask(&body)).await;
    is_hit(&again);
    assert_eq!(again.body, first.body);
    assert!(again.header("content-type").starts_with("text/event-stream"), "{:?}", again.headers);
    body["stream"] = json!(false);
    is_miss(&spillway.client.send(ask(&body)).await);
    spillway.end().await;
}

async fn embeddings_are_kept(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let mut body = json!({ "model": EMBEDDING_MODEL, "input": ["a", "b"] });
    let embed = |body: &Value| request("/v1/embeddings", body);
    let first = spillway.client.send(embed(&body)).await;
    is_miss(&first);
    let again = spillway.client.send(embed(&body)).await;
    is_hit(&again);
    assert_eq!(again.body, first.body);
    body["encoding_format"] = json!("base64");
    is_miss(&spillway.client.send(embed(&body)).await);
    body["input"] = json!(["b", "a"]);
    is_miss(&spillway.client.send(embed(&body)).await);
    // What is no answer is not kept.
    body["model"] = json!(MODEL);
    for _ in 0..2 {
        let refused = spillway.client.send(embed(&body)).await;
        assert_eq!((refused.status, super::status(&refused).as_str()), (404, "spillway; fwd=miss"));
    }
    spillway.end().await;
}

async fn an_entry_is_fresh_for_its_time_and_no_longer(envoy_workers: u32) {
    let rules = rule(json!({ "ttl_ms": 2_000, "stale_if_error_ms": 0, "stale_when_busy_ms": 0 }));
    let spillway = setup(envoy_workers, rules).start().await;
    is_miss(&spillway.client.send(ask(&body("time"))).await);
    is_hit(&spillway.client.send(ask(&body("time"))).await);
    eventually("it is computed again", hurry(), async || {
        let answer = spillway.client.send(ask(&body("time"))).await;
        let status = super::status(&answer);
        if status.contains("fwd=") { Ok(()) } else { Err(status) }
    })
    .await;
    assert_eq!(computed(&spillway).await, 2);
    spillway.end().await;
}

async fn memory_is_bounded(envoy_workers: u32) {
    let bounds = json!({ "max_entries": 64, "max_bytes": 65_536 });
    let spillway = setup(envoy_workers, bounds).start().await;
    for number in 0..200 {
        assert_eq!(spillway.client.send(ask(&body(&number.to_string()))).await.status, 200);
    }
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.stored_total"), 200);
    let bytes = stats.own("spillway.response_cache.memory_bytes");
    assert!((10_000..=65_536).contains(&bytes), "{bytes}");
    spillway.end().await;
}

async fn observed_nothing_is_answered(envoy_workers: u32) {
    let spillway = setup(envoy_workers, rule(json!({ "mode": "observe" }))).start().await;
    for _ in 0..3 {
        assert!(super::status(&spillway.client.send(ask(&body("watching"))).await).contains("fwd="));
    }
    assert_eq!(computed(&spillway).await, 3);
    assert_eq!(spillway.stats().await.own("spillway.response_cache.hits_observed_total"), 2);
    let off: Setup = setup(envoy_workers, rule(json!({ "mode": "off" })));
    spillway.end().await;
    let spillway = off.start().await;
    let answer = spillway.client.send(with_header(ask(&body("off")), "cache-control", "no-cache")).await;
    assert_eq!(super::status(&answer), "");
    spillway.end().await;
}
