//! A configuration that a filter refuses.

use serde_json::{Value, json};
use spillway_envoy::FilterConfigs;
use spillway_harness::{Setup, chat, eventually, hurry, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    envoy_does_not_start_with_a_bad_picker,
    envoy_does_not_start_with_a_bad_breaker,
    envoy_does_not_start_with_a_bad_cache,
    envoy_does_not_start_with_a_bad_shedder,
    a_bad_one_in_a_running_envoy_is_rejected_and_the_old_one_serves,
);

async fn does_not_start(envoy_workers: u32, filter: &'static str, change: Value, says: &str) {
    let mut spillway = Setup::new(envoy_workers).workers(1).filter(filter, change).try_start().await;
    let status = spillway.envoy.until_ended().await;
    assert!(!status.success(), "{status}");
    let log = spillway.envoy.log();
    assert!(log.contains(&format!("{filter}: configuration refused: {says}")), "{log}");
}

async fn envoy_does_not_start_with_a_bad_picker(envoy_workers: u32) {
    let says =
        "membership.admin.interval_ms: invalid value: integer `5`, expected an integer from 100 to 60000";
    let change = json!({ "membership": { "admin": { "interval_ms": 5 } } });
    does_not_start(envoy_workers, "endpoint-picker", change, says).await;
}

async fn envoy_does_not_start_with_a_bad_breaker(envoy_workers: u32) {
    let says = "max_endpoint: unknown field `max_endpoint`, expected one of";
    does_not_start(envoy_workers, "circuit-breaker", json!({ "max_endpoint": 8 }), says).await;
}

async fn envoy_does_not_start_with_a_bad_cache(envoy_workers: u32) {
    let says = "rules[0].ttl_ms: 9, expected not above rules[0].max_ttl_ms, which is 8";
    let change = json!({ "rules": [{ "ttl_ms": 9, "max_ttl_ms": 8 }] });
    does_not_start(envoy_workers, "response-cache", change, says).await;
}

async fn envoy_does_not_start_with_a_bad_shedder(envoy_workers: u32) {
    let says = "limit.min: 9, expected not above limit.max, which is 8";
    let change = json!({ "limit": { "min": 9, "max": 8 } });
    does_not_start(envoy_workers, "load-shedder", change, says).await;
}

const REJECTED: &str = "listener_manager.lds.update_rejected";
const TAKEN: &str = "listener_manager.lds.update_success";

async fn a_bad_one_in_a_running_envoy_is_rejected_and_the_old_one_serves(envoy_workers: u32) {
    let setup = Setup::new(envoy_workers).listeners_from_file();
    let spillway = setup.filter("endpoint-picker", json!({ "debug_header": true })).start().await;
    let good = spillway.config["static_resources"]["listeners"].as_array().unwrap().clone();
    let before = spillway.stats().await;

    let mut bad = Value::Array(good.clone());
    bad.set_filter_config("endpoint-picker", &json!({ "candidates": 99 })).unwrap();
    spillway.discovery.set_listeners(bad.as_array().unwrap());
    eventually("the update is rejected", hurry(), async || {
        let rejected = spillway.stats().await.rise(&before, REJECTED);
        if rejected > 0 { Ok(()) } else { Err("not yet") }
    })
    .await;
    let log = spillway.envoy.log();
    let says = "candidates: invalid value: integer `99`, expected an integer from 1 to 8";
    assert!(log.contains(says), "the log names the field: {log}");
    let answer = spillway.client.send(chat(2)).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.header("x-spillway-endpoint").is_empty(), "the old configuration serves");

    let before = spillway.stats().await;
    let mut other = Value::Array(good);
    other
        .set_filter_config("endpoint-picker", &json!({ "pools": ["inference"], "debug_header": false }))
        .unwrap();
    spillway.discovery.set_listeners(other.as_array().unwrap());
    eventually("a good one is taken", hurry(), async || {
        let taken = spillway.stats().await.rise(&before, TAKEN);
        let answer = spillway.client.send(chat(2)).await;
        assert_eq!(answer.status, 200);
        if taken > 0 && answer.header("x-spillway-endpoint").is_empty() { Ok(()) } else { Err("not yet") }
    })
    .await;
    spillway.end().await;
}
