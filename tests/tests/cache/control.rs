//! What clients and workers say with `Cache-Control`.

use serde_json::json;
use spillway_harness::with_one_and_two_envoy_workers;

use super::{ask, body, computed, is_hit, is_miss, rule, setup, status, with_header};

with_one_and_two_envoy_workers!(
    a_client_that_wants_a_fresh_answer_gets_one,
    a_client_that_wants_nothing_kept_is_obeyed,
    a_client_that_wants_only_an_entry_gets_that_or_504,
    the_first_rule_that_matches_counts,
);

async fn a_client_that_wants_a_fresh_answer_gets_one(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let first = spillway.client.send(ask(&body("news"))).await;
    is_miss(&first);
    let fresh = spillway.client.send(with_header(ask(&body("news")), "cache-control", "no-cache")).await;
    assert_eq!(status(&fresh), "spillway; fwd=request");
    assert_ne!(fresh.body, first.body);
    let kept = spillway.client.send(ask(&body("news"))).await;
    is_hit(&kept);
    assert_eq!(kept.body, fresh.body, "the fresh answer has taken the place of the old one");
    spillway.end().await;
}

async fn a_client_that_wants_nothing_kept_is_obeyed(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    for _ in 0..2 {
        let answer = spillway.client.send(with_header(ask(&body("me")), "cache-control", "no-store")).await;
        assert_eq!(status(&answer), "spillway; fwd=bypass; detail=no_store");
    }
    is_miss(&spillway.client.send(ask(&body("me"))).await);
    assert_eq!(computed(&spillway).await, 3);
    spillway.end().await;
}

async fn a_client_that_wants_only_an_entry_gets_that_or_504(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let only = || with_header(ask(&body("entries")), "cache-control", "only-if-cached");
    let none = spillway.client.send(only()).await;
    assert_eq!((none.status, status(&none).as_str()), (504, "spillway; fwd=miss; detail=only_if_cached"));
    assert_eq!(none.json()["error"]["code"], "not_cached");
    assert_eq!(computed(&spillway).await, 0);
    is_miss(&spillway.client.send(ask(&body("entries"))).await);
    is_hit(&spillway.client.send(only()).await);
    spillway.end().await;
}

async fn the_first_rule_that_matches_counts(envoy_workers: u32) {
    let rules = json!({ "rules": [
        { "match": { "path_prefix": "/v1/completions" }, "mode": "off" },
        { "models": ["another"], "mode": "off" },
        { "cacheable": "all" },
    ]});
    let spillway = setup(envoy_workers, rules).start().await;
    let mut warm = body("dice");
    warm["temperature"] = json!(0.9);
    is_miss(&spillway.client.send(ask(&warm)).await);
    is_hit(&spillway.client.send(ask(&warm)).await);
    warm["model"] = json!("another");
    assert_eq!(status(&spillway.client.send(ask(&warm)).await), "");
    spillway.end().await;
    let spillway = setup(envoy_workers, rule(json!({ "cacheable": "seeded" }))).start().await;
    warm["model"] = json!(spillway_harness::MODEL);
    warm["seed"] = json!(7);
    is_miss(&spillway.client.send(ask(&warm)).await);
    is_hit(&spillway.client.send(ask(&warm)).await);
    spillway.end().await;
}
