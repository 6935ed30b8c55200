//! Ten thousand requests with retries, failures and clients that leave: nothing is left in flight.

use std::time::Duration;

use serde_json::json;
use spillway_harness::load::{Arrivals, End, Load, Patience, Until};
use spillway_harness::{Setup, chat, hurry, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(no_count_is_lost);

const REQUESTS: u64 = 10_000;

async fn no_count_is_lost(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).start().await;
    let faults = [
        json!({ "status": { "code": 503 } }),
        json!("reset_before_headers"),
        json!({ "reset_after_events": { "n": 2 } }),
    ];
    for (worker, fault) in spillway.workers.iter().zip(faults) {
        worker.behave(json!({ "fault": fault, "fault_probability": 0.1, "jitter_ratio": 0.5 })).await;
    }
    let before = spillway.stats().await;
    let clients = Arrivals::Closed { clients: 32 };
    let request = |number| if number % 2 == 0 { chat(8) } else { streamed_chat(12) };
    let load = Load::new(&spillway.client, clients, Until::Requests(REQUESTS), request).leaving(|number| {
        // One in eight leaves, plain or streamed: before the answer, at its first events, in its middle.
        let leaves = number % 16 == 0 || number % 16 == 9;
        let after = Duration::from_millis(number / 16 % 10);
        if leaves { Patience::Leaves(after) } else { Patience::ToTheEnd }
    });
    let report = load.run().await;
    let left = report.samples.iter().filter(|sample| sample.end == End::Left).count();
    println!("{:?} in {:?}, {left} left, {} broken", report.statuses(), report.took, report.broken().len());
    assert_eq!(report.samples.len() as u64, REQUESTS);
    assert!(left > 500, "{left} clients left");
    let answered = report.statuses().get(&200).copied().unwrap_or(0);
    assert!(answered > REQUESTS * 8 / 10, "{:?}", report.statuses());

    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    assert!(after.rise(&before, "cluster.inference.upstream_rq_retry") > 200, "there were retries");
    let ended = ["success", "failure", "unknown", "unanswered"].map(|outcome| {
        after.rise(&before, &format!("wasmcustom.spillway.circuit_breaker.attempts_{outcome}_total"))
    });
    assert!(ended.iter().all(|count| *count > 0), "attempts ended in every way: {ended:?}");
    let attempts: u64 = ended.iter().sum();
    println!("{attempts} attempts: success, failure, unknown, unanswered: {ended:?}");
    for refused in spillway.envoy.access_log().lines().filter(|line| line.contains(" 503 ")) {
        // Those whose circuits are open are not tried, and Envoy's budget of retries may be spent.
        let tried = ["attempts=3", "circuit_open"].iter().any(|sign| refused.contains(sign));
        let budget_is_spent = refused.split([' ', ',']).any(|flag| flag == "UO");
        assert!(tried || budget_is_spent, "not before every endpoint was tried: {refused}");
    }
    assert_eq!(after.own("spillway.books.untracked_attempts_total"), 0);
    assert_eq!(after.own("spillway.books.repaired_total"), 0);
    for worker in &spillway.workers {
        assert_eq!(worker.counts().await.in_flight, 0, "the workers agree");
    }
    spillway.end().await;
}
