//! A chat through Envoy with the real language model.

use serde_json::{Value, json};
use spillway_harness::{MODEL, Setup, request, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(plain_and_streamed);

async fn plain_and_streamed(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).workers(1).model("").start().await;
    let mut body = json!({
        "model": MODEL,
        "messages": [{ "role": "user", "content": "Say hello." }],
        "max_tokens": 12,
        "temperature": 0,
        "seed": 1,
    });
    let answer = spillway.client.send(request("/v1/chat/completions", &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let plain = answer.json();
    let text = plain["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.trim().is_empty(), "{plain}");
    assert!(plain["usage"]["prompt_tokens"].as_u64().unwrap() > 5, "{plain}");
    assert!((1..=12).contains(&plain["usage"]["completion_tokens"].as_u64().unwrap()), "{plain}");

    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let mut answer = spillway.client.stream(request("/v1/chat/completions", &body)).await;
    assert_eq!(answer.status, 200);
    let mut events = answer.rest().await.unwrap();
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let pieces = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(pieces.collect::<String>(), text, "the same seed says the same, streamed or not");
    assert_eq!(events.last().unwrap()["usage"], plain["usage"]);
    spillway.end().await;
}
