//! What a client is told that is refused.

use serde_json::json;
use spillway_harness::{chat, eventually, hurry, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, level, own, pool, sent, until};

with_one_and_two_envoy_workers!(
    a_full_queue_refuses_with_a_time_to_come_back,
    thousands_of_refusals_leave_nothing_behind,
    a_client_cannot_make_itself_important,
    without_an_endpoint_it_is_503,
    observed_nobody_is_refused,
);

fn no_queue() -> serde_json::Value {
    json!({
        "levels": [
            { "name": "critical", "max_waiting": 1 },
            { "name": "standard", "max_waiting": 0 },
            { "name": "sheddable", "max_waiting": 0 },
        ],
        "max_wait_ms": 60_000,
    })
}

async fn a_full_queue_refuses_with_a_time_to_come_back(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 1, no_queue()).start().await;
    let held = hold(&spillway).await;
    let answer = spillway.client.send(level(chat(1), "sheddable")).await;
    assert_eq!(answer.status, 429);
    let error = &answer.json()["error"];
    assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("server_busy"), Some("queue_full")));
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    let millis: u64 = answer.header("retry-after-ms").parse().unwrap();
    assert!((10..=13).contains(&seconds), "not before a burst is over: {seconds}");
    assert!(millis.div_ceil(1000).abs_diff(seconds) <= 1, "{millis} ms and {seconds} s");
    assert_eq!(answer.header("content-type"), "application/json");
    let waits = sent(&spillway, level(chat(1), "critical"));
    until(&spillway, &pool("waiting"), 1).await;
    let answer = spillway.client.send(level(chat(1), "critical")).await;
    assert_eq!(
        answer.json()["error"]["code"],
        "queue_full",
        "even the most important, when enough of them wait"
    );
    drop(held);
    assert_eq!(waits.await.unwrap(), 200);
    let stats = spillway.stats().await;
    assert_eq!(stats.own(&own("refused_queue_full_total")), 2);
    assert_eq!(stats.own(&own("refused_sheddable_total")), 1);
    end(spillway).await;
}

async fn thousands_of_refusals_leave_nothing_behind(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 1, no_queue()).start().await;
    let held = hold(&spillway).await;
    for _ in 0..20 {
        let requests: Vec<_> = (0..100).map(|_| sent(&spillway, level(chat(1), "standard"))).collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), 429);
        }
    }
    let stats = spillway.stats().await;
    assert_eq!((stats.own(&pool("admitted")), stats.own(&pool("waiting"))), (1, 0));
    // Of those beyond the longest time none is counted.
    let promised = stats.own(&pool("promised_returns"));
    assert!((20..=200).contains(&promised), "{promised} have a place in the line");
    drop(held);
    end(spillway).await;
}

async fn a_client_cannot_make_itself_important(envoy_workers: u32) {
    let config = json!({ "trust_priority_header": false, "max_wait_ms": 60_000 });
    let spillway = held_to(envoy_workers, 1, config).start().await;
    let held = hold(&spillway).await;
    let requests = ["critical", "standard", "sheddable"].map(|name| sent(&spillway, level(chat(1), name)));
    until(&spillway, &pool("waiting"), 3).await;
    let stats = spillway.stats().await;
    let waiting =
        ["critical", "standard", "sheddable"].map(|name| stats.own(&pool(&format!("level.{name}.waiting"))));
    assert_eq!(waiting, [0, 2, 1]);
    drop(held);
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    end(spillway).await;
}

async fn without_an_endpoint_it_is_503(envoy_workers: u32) {
    let mut spillway = held_to(envoy_workers, 8, json!({})).start().await;
    assert_eq!(spillway.client.send(chat(1)).await.status, 200);
    spillway.workers.iter_mut().for_each(spillway_harness::Worker::kill);
    let answer = eventually("nobody is left", hurry(), async || {
        let answer = spillway.client.send(chat(1)).await;
        let by_shedder = spillway.stats().await.own(&own("refused_no_endpoint_total")) > 0;
        if by_shedder { Ok(answer) } else { Err(answer.status) }
    })
    .await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("no_endpoint")));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 10);
    spillway.end().await;
}

async fn observed_nobody_is_refused(envoy_workers: u32) {
    let mut config = no_queue();
    config["rules"] = json!([{ "mode": "observe" }]);
    let spillway = held_to(envoy_workers, 1, config).start().await;
    let held = hold(&spillway).await;
    for _ in 0..10 {
        assert_eq!(spillway.client.send(level(chat(1), "sheddable")).await.status, 200);
    }
    let stats = spillway.stats().await;
    assert_eq!(stats.own(&own("refusals_observed_total")), 10);
    assert_eq!(stats.own(&own("refused_sheddable_total")), 0);
    drop(held);
    end(spillway).await;
}
