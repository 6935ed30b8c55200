//! Asking for less, before anybody is refused.

use serde_json::json;
use spillway_harness::{MODEL, eventually, hurry, request, streamed_chat, with_one_and_two_envoy_workers};

use super::{end, held_to, level, own, pool};

with_one_and_two_envoy_workers!(an_answer_that_was_cut_short_says_so_and_is_never_kept);

/// The step is taken as soon as the limit is used, which a queue of nobody does not do by default.
async fn an_answer_that_was_cut_short_says_so_and_is_never_kept(envoy_workers: u32) {
    let config = json!({
        "ladder": { "cap_output": 50, "dwell_ms": 600_000 },
        "limit": { "min": 2, "max": 2 },
        "rules": [{ "cap_output_tokens": 3 }],
    });
    let spillway = held_to(envoy_workers, 2, config).start().await;
    let body = json!({
        "model": MODEL,
        "messages": [{ "role": "user", "content": "Tell me about rivers." }],
        "max_tokens": 12,
        "temperature": 0,
    });
    let ask = || request("/v1/chat/completions", &body);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = spillway.client.stream(level(streamed_chat(2_000), "critical")).await;
        stream.next().await.unwrap();
        held.push(stream);
    }
    eventually("the step is taken", hurry(), async || {
        let step = spillway.stats().await.own(&pool("ladder_step"));
        if step == 1 { Ok(()) } else { Err(step) }
    })
    .await;
    drop(held);
    let short = spillway.client.send(ask()).await;
    assert_eq!((short.status, short.header("x-spillway-degraded").as_str()), (200, "cap_output"));
    assert_eq!(short.json()["usage"]["completion_tokens"], 3);
    let stats = spillway.stats().await;
    let counted = ["cap_output_standard", "cap_output_critical", "smaller_model_standard"]
        .map(|what| stats.own(&own(&format!("degraded_{what}_total"))));
    assert_eq!(counted, [1, 0, 0]);
    let line = "pool inference: a request of level standard is degraded: cap_output; 0 such lines left out";
    assert!(spillway.envoy.log().contains(line), "{}", spillway.envoy.log());
    assert_eq!(spillway.stats().await.own("spillway.response_cache.stored_total"), 0, "never kept");
    let whole = eventually("the overload is over, as every Envoy worker knows", hurry(), async || {
        let answer = spillway.client.send(ask()).await;
        if answer.header("x-spillway-degraded").is_empty() { Ok(answer) } else { Err("still cut short") }
    })
    .await;
    assert_eq!(whole.json()["usage"]["completion_tokens"], 12, "not the short one");
    let again = spillway.client.send(ask()).await;
    assert!(again.header("cache-status").contains("hit"), "{}", again.header("cache-status"));
    assert_eq!(again.body, whole.body);
    end(spillway).await;
}
