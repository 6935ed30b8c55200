//! Modes `observe` and `off`, by rule.

use serde_json::json;
use spillway_harness::{Setup, chat, hurry, request, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(observe_decides_and_does_nothing, off_and_enforce_by_rule);

async fn observe_decides_and_does_nothing(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers)
        .filter("endpoint-picker", json!({ "rules": [{ "mode": "observe" }] }))
        .start()
        .await;
    let before = spillway.stats().await;
    assert_eq!(spillway.client.send(chat(2)).await.status, 200);
    let line = spillway.access_log_line("picker=[reason=score").await;
    assert!(line.contains("mode=observe]"), "{line}");
    assert!(line.contains(" endpoint=127.0.0.1:"), "{line}");
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, "wasmcustom.spillway.endpoint_picker.score_total"), 1);
    // Whoever chooses, attempts are booked.
    spillway.until_idle(hurry()).await;
    assert_eq!(spillway.stats().await.own("spillway.circuit_breaker.attempts_success_total"), 1);
    spillway.end().await;
}

async fn off_and_enforce_by_rule(envoy_workers: u32) {
    let rules = json!([
        { "match": { "path_prefix": "/v1/chat", "methods": ["POST"] }, "mode": "enforce" },
        { "mode": "off" },
    ]);
    let spillway =
        Setup::new(envoy_workers).filter("endpoint-picker", json!({ "rules": rules })).start().await;
    let before = spillway.stats().await;
    assert_eq!(spillway.client.send(chat(2)).await.status, 200);
    let body = json!({ "model": spillway_harness::MODEL, "prompt": "Once", "max_tokens": 2 });
    assert_eq!(spillway.client.send(request("/v1/completions", &body)).await.status, 200);
    assert_eq!(spillway.client.get("/v1/models").await.status, 200);
    let line = spillway.access_log_line("/v1/completions").await;
    assert!(line.contains("picker=[reason=off]"), "{line}");
    let after = spillway.stats().await;
    for (reason, rise) in [("score", 1), ("off", 2)] {
        let name = format!("wasmcustom.spillway.endpoint_picker.{reason}_total");
        assert_eq!(after.rise(&before, &name), rise, "{name}");
    }
    spillway.end().await;
}
