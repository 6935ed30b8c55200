//! Who waits, and whose turn it is.

use std::time::Duration;

use serde_json::json;
use spillway_harness::{chat, eventually, hurry, streamed_chat, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, level, own, pool, sent, until};

with_one_and_two_envoy_workers!(
    the_more_important_go_first,
    what_is_given_back_anywhere_serves_whoever_waits,
    a_client_that_leaves_gives_up_its_place,
    a_more_important_request_takes_the_place_of_a_lesser_one,
    who_cannot_be_served_in_time_is_told_so,
);

async fn the_more_important_go_first(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 1, json!({ "max_wait_ms": 60_000 })).start().await;
    let held = hold(&spillway).await;
    let mut lesser = Vec::new();
    for _ in 0..3 {
        lesser.push(sent(&spillway, level(chat(1), "sheddable")));
    }
    until(&spillway, &pool("level.sheddable.waiting"), 3).await;
    // It came last, and it holds what it gets: the others go on waiting.
    let client = spillway.client.clone();
    let critical = tokio::spawn(async move {
        let mut stream = client.stream(level(streamed_chat(2_000), "critical")).await;
        stream.next().await.unwrap();
        stream
    });
    until(&spillway, &pool("level.critical.waiting"), 1).await;
    drop(held);
    let critical = critical.await.unwrap();
    let stats = spillway.stats().await;
    assert_eq!(stats.own(&pool("level.sheddable.waiting")), 3);
    drop(critical);
    for request in lesser {
        assert_eq!(request.await.unwrap(), 200);
    }
    let line = spillway.access_log_line("shedder=[result=queued level=sheddable").await;
    assert!(line.contains(" 200 "), "{line}");
    end(spillway).await;
}

async fn what_is_given_back_anywhere_serves_whoever_waits(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 4, json!({ "max_wait_ms": 60_000 })).start().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = spillway.client.stream(level(streamed_chat(2_000), "critical")).await;
        stream.next().await.unwrap();
        held.push(stream);
    }
    let waiting: Vec<_> = (0..12).map(|_| sent(&spillway, level(chat(2), "critical"))).collect();
    until(&spillway, &pool("waiting"), 12).await;
    // One permit is enough for all of them, one after the other, on whichever Envoy worker they wait.
    held.pop();
    for request in waiting {
        assert_eq!(request.await.unwrap(), 200);
    }
    let most = spillway.stats().await.own(&pool("admitted"));
    assert!(most <= 4, "{most}");
    held.clear();
    end(spillway).await;
}

async fn a_client_that_leaves_gives_up_its_place(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 1, json!({ "max_wait_ms": 60_000 })).start().await;
    let held = hold(&spillway).await;
    let leaving: Vec<_> = (0..5).map(|_| sent(&spillway, level(chat(1), "standard"))).collect();
    until(&spillway, &pool("waiting"), 5).await;
    let stays = sent(&spillway, level(chat(1), "standard"));
    until(&spillway, &pool("waiting"), 6).await;
    leaving.iter().for_each(tokio::task::JoinHandle::abort);
    until(&spillway, &pool("waiting"), 1).await;
    assert_eq!(spillway.stats().await.own(&own("left_standard_total")), 5);
    drop(held);
    assert_eq!(stays.await.unwrap(), 200);
    end(spillway).await;
}

async fn a_more_important_request_takes_the_place_of_a_lesser_one(envoy_workers: u32) {
    let config = json!({ "max_wait_ms": 60_000, "max_waiting": 2 });
    let spillway = held_to(envoy_workers, 1, config).start().await;
    let held = hold(&spillway).await;
    let lesser: Vec<_> = (0..2).map(|_| sent(&spillway, level(chat(1), "sheddable"))).collect();
    until(&spillway, &pool("level.sheddable.waiting"), 2).await;
    let critical = sent(&spillway, level(chat(1), "critical"));
    until(&spillway, &own("refused_preempted_total"), 1).await;
    drop(held);
    assert_eq!(critical.await.unwrap(), 200);
    let mut statuses = Vec::new();
    for request in lesser {
        statuses.push(request.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
    end(spillway).await;
}

async fn who_cannot_be_served_in_time_is_told_so(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 1, json!({ "max_wait_ms": 60_000 })).start().await;
    let held = hold(&spillway).await;
    let mut request = chat(1);
    request.headers_mut().insert("x-stainless-read-timeout", "1".parse().unwrap());
    let answer = spillway.client.send(request).await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (429, Some("deadline")));
    let mut request = chat(1);
    request.headers_mut().insert("x-stainless-timeout", "0".parse().unwrap());
    let answer = spillway.client.send(request).await;
    assert_eq!(answer.json()["error"]["code"], "deadline", "it waits for no time at all");
    eventually("nobody waits", hurry(), async || {
        let waiting = spillway.stats().await.own(&pool("waiting"));
        if waiting == 0 { Ok(()) } else { Err(waiting) }
    })
    .await;
    drop(held);
    assert_eq!(spillway.client.send(chat(1)).await.status, 200);
    tokio::time::sleep(Duration::from_millis(1)).await;
    end(spillway).await;
}
