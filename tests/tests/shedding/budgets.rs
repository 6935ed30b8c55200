//! What a tenant may use.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use spillway_harness::{chat, streamed_chat, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, own, pool, until};

with_one_and_two_envoy_workers!(
    a_tenant_that_has_sent_enough_is_rate_limited_and_others_are_not,
    tokens_are_charged_by_what_the_answer_used,
    in_a_dry_run_it_is_only_counted,
    who_has_a_budget_and_is_served_is_told_what_is_left,
);

pub(super) fn of(mut request: Request<Full<Bytes>>, key: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    request
}

async fn a_tenant_that_has_sent_enough_is_rate_limited_and_others_are_not(envoy_workers: u32) {
    let config = json!({ "budget": { "requests_per_minute": 3 } });
    let spillway = held_to(envoy_workers, 100, config).start().await;
    for _ in 0..3 {
        assert_eq!(spillway.client.send(of(chat(1), "one")).await.status, 200);
    }
    let answer = spillway.client.send(of(chat(1), "one")).await;
    assert_eq!(answer.status, 429);
    let error = &answer.json()["error"];
    assert_eq!(error["type"], "rate_limit_error", "told apart from being shed");
    assert_eq!(error["code"], "over_request_budget");
    assert_eq!(answer.header("ratelimit-policy"), r#""requests";q=3;w=60"#);
    assert!(answer.header("ratelimit").starts_with(r#""requests";r=0;t="#), "{}", answer.header("ratelimit"));
    assert!((1..=20).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(spillway.client.send(of(chat(1), "two")).await.status, 200);
    assert_eq!(spillway.stats().await.own(&own("refused_over_request_budget_total")), 1);
    end(spillway).await;
}

async fn tokens_are_charged_by_what_the_answer_used(envoy_workers: u32) {
    let config = json!({ "budget": { "tokens_per_minute": 1_000 } });
    let spillway = held_to(envoy_workers, 100, config).start().await;
    // Each could use 400 and uses a few: all of them fit.
    for _ in 0..6 {
        let mut body = json!({ "model": spillway_harness::MODEL, "max_tokens": 400, "stop": ["\n"] });
        body["messages"] = json!([{ "role": "user", "content": "x" }]);
        body["max_tokens"] = json!(20);
        let request = of(spillway_harness::request("/v1/chat/completions", &body), "one");
        assert_eq!(spillway.client.send(request).await.status, 200);
    }
    let answer = spillway.client.send(of(chat(1_500), "one")).await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (429, Some("over_token_budget")));
    assert_eq!(answer.header("x-should-retry"), "false", "it is more than a minute's budget");
    let left = answer.header("ratelimit");
    let left: i64 = left.split("r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!(left > 500, "{left} of 1,000 are left");
    end(spillway).await;
}

async fn in_a_dry_run_it_is_only_counted(envoy_workers: u32) {
    let config = json!({ "budget": { "requests_per_minute": 1 }, "budgets_dry_run": true });
    let spillway = held_to(envoy_workers, 100, config).start().await;
    for _ in 0..3 {
        let answer = spillway.client.send(of(chat(1), "one")).await;
        assert_eq!((answer.status, answer.header("ratelimit").as_str()), (200, ""));
    }
    assert_eq!(spillway.stats().await.own(&own("budgets_exceeded_observed_total")), 2);
    end(spillway).await;
}

/// One that is known and has a budget; anybody else has none.
async fn who_has_a_budget_and_is_served_is_told_what_is_left(envoy_workers: u32) {
    let consumer =
        json!({ "name": "metered", "budget": { "requests_per_minute": 10, "tokens_per_minute": 6_000 } });
    let config = json!({ "consumer_header": "x-consumer", "consumers": [consumer], "max_wait_ms": 60_000 });
    let spillway = held_to(envoy_workers, 1, config).start().await;
    let metered = |mut request: Request<Full<Bytes>>| {
        request.headers_mut().insert("x-consumer", "metered".parse().unwrap());
        request
    };
    let answer = spillway.client.send(metered(chat(1))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("ratelimit-policy"), r#""requests";q=10;w=60, "tokens";q=6000;w=60"#);
    let left = answer.header("ratelimit");
    assert!(left.starts_with(r#""requests";r=9;t="#) && left.contains(r#""tokens";r=599"#), "{left}");
    let other = spillway.client.send(chat(1)).await;
    assert_eq!(
        (other.status, other.header("ratelimit"), other.header("ratelimit-policy")),
        (200, String::new(), String::new())
    );
    // One that waits is told as well, and so is one that streams.
    let held = hold(&spillway).await;
    let client = spillway.client.clone();
    let waits = tokio::spawn(async move { client.stream(metered(streamed_chat(2))).await });
    until(&spillway, &pool("waiting"), 1).await;
    drop(held);
    let mut stream = waits.await.unwrap();
    assert_eq!(stream.status, 200);
    assert!(stream.header("ratelimit").starts_with(r#""requests";r="#), "{}", stream.header("ratelimit"));
    stream.rest().await.unwrap();
    drop(stream);
    end(spillway).await;
}
