//! A smaller model answers, where a rule names one.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{MODEL, Setup, eventually, hurry, request, with_one_and_two_envoy_workers};

use super::overloaded::{self, overload};
use super::{end, level, own, pool, until};

with_one_and_two_envoy_workers!(
    it_answers_for_all_but_the_most_important_and_is_never_kept,
    where_no_rule_names_one_the_request_is_as_it_came,
);

/// The inference workers do not serve it: what reaches them unchanged is not found.
const LARGER: &str = "larger";

/// The ladder's step, as the gauge shows it.
const SMALLER_MODEL: u64 = 3;

fn setup(envoy_workers: u32) -> Setup {
    let rules = json!([{ "match": { "path_prefix": "/v1/completions" } }, { "smaller_model": MODEL }]);
    overloaded::setup(envoy_workers, "smaller_model", &rules)
}

fn body() -> Value {
    json!({
        "model": LARGER,
        "messages": [{ "role": "user", "content": "Tell me about lakes." }],
        "max_tokens": 3,
        "temperature": 0,
    })
}

fn ask(of: &str) -> Request<Full<Bytes>> {
    level(request("/v1/chat/completions", &body()), of)
}

async fn it_answers_for_all_but_the_most_important_and_is_never_kept(envoy_workers: u32) {
    let spillway = setup(envoy_workers).start().await;
    assert_eq!(spillway.client.send(ask("standard")).await.json()["error"]["code"], "model_not_found");
    let held = overload(&spillway, SMALLER_MODEL).await;
    // Every Envoy worker learns of the step by itself.
    for _ in 0..2 {
        let smaller = eventually("the smaller model answers", hurry(), async || {
            let answer = spillway.client.send(ask("standard")).await;
            if answer.status == 200 { Ok(answer) } else { Err(answer.text()) }
        })
        .await;
        assert_eq!(smaller.header("x-spillway-degraded"), "smaller_model");
        assert_eq!(smaller.json()["model"], MODEL, "that is what the worker was asked for");
        assert!(!smaller.header("cache-status").contains("hit"), "{}", smaller.header("cache-status"));
    }
    let important = spillway.client.send(ask("critical")).await;
    assert_eq!((important.status, important.header("x-spillway-degraded").as_str()), (404, ""));
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.response_cache.stored_total"), 0, "never kept");
    assert!(stats.own(&own("degraded_smaller_model_standard_total")) >= 2);
    assert_eq!(stats.own(&own("degraded_smaller_model_critical_total")), 0);
    let line = spillway.access_log_line("degraded=smaller_model").await;
    assert!(line.contains("level=standard") && line.contains(" 200 "), "{line}");
    drop(held);
    until(&spillway, &pool("ladder_step"), 0).await;
    let whole = eventually("every Envoy worker knows that it is over", hurry(), async || {
        let answer = spillway.client.send(ask("standard")).await;
        if answer.status == 404 { Ok(answer) } else { Err(answer.header("x-spillway-degraded")) }
    })
    .await;
    assert!(!whole.header("cache-status").contains("hit"), "{}", whole.header("cache-status"));
    assert_eq!(
        spillway.client.send(ask("standard")).await.status,
        404,
        "neither the smaller answer nor a hit"
    );
    end(spillway).await;
}

async fn where_no_rule_names_one_the_request_is_as_it_came(envoy_workers: u32) {
    let spillway = setup(envoy_workers).start().await;
    let held = overload(&spillway, SMALLER_MODEL).await;
    let body = json!({ "model": LARGER, "prompt": "Tell me about seas.", "max_tokens": 3 });
    for _ in 0..4 {
        let answer = spillway.client.send(level(request("/v1/completions", &body), "sheddable")).await;
        assert_eq!((answer.status, answer.header("x-spillway-degraded").as_str()), (404, ""));
        assert_eq!(answer.json()["error"]["code"], "model_not_found");
    }
    let degraded: u64 = spillway
        .stats()
        .await
        .matching("wasmcustom.spillway.load_shedder.degraded_", "")
        .map(|(_, n)| n)
        .sum();
    assert_eq!(degraded, 0);
    drop(held);
    end(spillway).await;
}
