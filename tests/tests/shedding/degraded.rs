//! Asking for less, before anybody is refused.

use serde_json::json;
use spillway_harness::{MODEL, eventually, hurry, request, with_one_and_two_envoy_workers};

use super::overloaded::{overload, setup};
use super::{end, own};

with_one_and_two_envoy_workers!(an_answer_that_was_cut_short_says_so_and_is_never_kept);

async fn an_answer_that_was_cut_short_says_so_and_is_never_kept(envoy_workers: u32) {
    let rules = json!([{ "cap_output_tokens": 3 }]);
    let spillway = setup(envoy_workers, "cap_output", &rules).start().await;
    let about = |what: &str| {
        let body = json!({
            "model": MODEL,
            "messages": [{ "role": "user", "content": format!("Tell me about {what}.") }],
            "max_tokens": 12,
            "temperature": 0,
        });
        request("/v1/chat/completions", &body)
    };
    let held = overload(&spillway, 1).await;
    // Another one each time: what came before an Envoy worker knew is whole, and kept.
    let mut tries = 0;
    let short = eventually("an answer is cut short", hurry(), async || {
        tries += 1;
        let answer = spillway.client.send(about(&format!("river {tries}"))).await;
        if answer.header("x-spillway-degraded").is_empty() { Err("it is whole") } else { Ok(answer) }
    })
    .await;
    assert_eq!((short.status, short.header("x-spillway-degraded").as_str()), (200, "cap_output"));
    assert_eq!(short.json()["usage"]["completion_tokens"], 3);
    let stats = spillway.stats().await;
    let counted = ["cap_output_standard", "cap_output_critical", "smaller_model_standard"]
        .map(|what| stats.own(&own(&format!("degraded_{what}_total"))));
    assert_eq!(counted, [1, 0, 0]);
    assert_eq!(stats.own("spillway.response_cache.stored_total"), tries - 1, "never kept");
    let line = "pool inference: a request of level standard is degraded: cap_output; 0 such lines left out";
    assert!(spillway.envoy.log().contains(line), "{}", spillway.envoy.log());
    drop(held);
    let whole = eventually("the overload is over, as every Envoy worker knows", hurry(), async || {
        let answer = spillway.client.send(about(&format!("river {tries}"))).await;
        if answer.header("x-spillway-degraded").is_empty() { Ok(answer) } else { Err("still cut short") }
    })
    .await;
    assert_eq!(whole.json()["usage"]["completion_tokens"], 12, "not the short one");
    let again = spillway.client.send(about(&format!("river {tries}"))).await;
    assert!(again.header("cache-status").contains("hit"), "{}", again.header("cache-status"));
    assert_eq!(again.body, whole.body);
    end(spillway).await;
}
