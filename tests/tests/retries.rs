//! Retries go to another endpoint, before the first byte of an answer only, and a 429 is an answer. What a full worker says is
//! none: another one may have room.

use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Report, Until};
use spillway_harness::{Setup, Spillway, chat, hurry, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    a_failing_worker_is_retried_elsewhere,
    a_worker_that_resets_is_retried_elsewhere,
    a_full_worker_is_relieved,
    a_429_is_never_retried,
    a_stream_that_has_begun_is_not_retried,
);

const RETRIES: &str = "cluster.inference.upstream_rq_retry";
const FAILED: &str = "wasmcustom.spillway.circuit_breaker.attempts_failure_total";

async fn with_fault(envoy_workers: u32, faulty: &[usize], fault: Value) -> Spillway {
    let setup =
        Setup::new(envoy_workers).workers(2).filter("endpoint-picker", json!({ "debug_header": true }));
    let spillway = setup.start().await;
    spillway.until_booked("inference").await;
    for number in faulty {
        spillway.workers[*number].behave(json!({ "fault": fault })).await;
    }
    spillway
}

async fn send(spillway: &Spillway, requests: u64) -> Report {
    Load::new(&spillway.client, Arrivals::Closed { clients: 4 }, Until::Requests(requests), |_| chat(2))
        .run()
        .await
}

/// Every client gets its answer, from the worker without fault, and every failed attempt was one retry.
async fn retried_elsewhere(envoy_workers: u32, fault: Value) {
    let spillway = with_fault(envoy_workers, &[0], fault).await;
    let before = spillway.stats().await;
    let report = send(&spillway, 60).await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, 60)], "{:?}", report.broken());
    let healthy = spillway.workers[1].address().to_string();
    assert_eq!(report.by_endpoint().into_iter().collect::<Vec<_>>(), [(healthy, 60)]);
    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    let failed = after.rise(&before, FAILED);
    assert!(failed > 0, "the faulty one was tried");
    assert!(failed < 30, "a worker that fails at once attracts no traffic: {failed} of 60");
    assert_eq!(after.rise(&before, RETRIES), failed);
    let line = spillway.access_log_line("attempts=2").await;
    assert!(line.contains(" 200 "), "{line}");
    spillway.end().await;
}

async fn a_failing_worker_is_retried_elsewhere(envoy_workers: u32) {
    retried_elsewhere(envoy_workers, json!({ "status": { "code": 503 } })).await;
}

async fn a_worker_that_resets_is_retried_elsewhere(envoy_workers: u32) {
    retried_elsewhere(envoy_workers, json!("reset_before_headers")).await;
}

/// Of two workers one has no place left: it says so with 503, the other one answers, and nobody counts a failure.
async fn a_full_worker_is_relieved(envoy_workers: u32) {
    let engine = "--engine simulated --slots 2 --queue-requests 0 --decode-tokens-per-s 100";
    let spillway = Setup::new(envoy_workers).workers(2).engine(engine).start().await;
    spillway.until_booked("inference").await;
    let before = spillway.stats().await;
    let (full, mut held) = (spillway.workers[0].client(), Vec::new());
    for _ in 0..2 {
        held.push(full.stream(streamed_chat(2000)).await);
    }
    let clients = Arrivals::Closed { clients: 1 };
    let report = Load::new(&spillway.client, clients, Until::Requests(60), |_| chat(2)).run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, 60)], "{:?}", report.broken());
    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    let busy = after.rise(&before, "wasmcustom.spillway.circuit_breaker.attempts_busy_total");
    assert!(busy > 0, "the full one was tried");
    assert_eq!((after.rise(&before, RETRIES), after.rise(&before, FAILED)), (busy, 0));
    drop(held);
    spillway.end().await;
}

async fn a_429_is_never_retried(envoy_workers: u32) {
    let fault = json!({ "status": { "code": 429, "retry_after_s": 7 } });
    let spillway = with_fault(envoy_workers, &[0, 1], fault).await;
    let before = spillway.stats().await;
    let answer = spillway.client.send(chat(2)).await;
    assert_eq!((answer.status, answer.header("retry-after").as_str()), (429, "7"));
    assert_eq!(answer.json()["error"]["code"], "saturated");
    let report = send(&spillway, 19).await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(429, 19)]);
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, RETRIES), 0);
    assert_eq!(after.rise(&before, "cluster.inference.upstream_rq_total"), 20, "one attempt each");
    spillway.end().await;
}

async fn a_stream_that_has_begun_is_not_retried(envoy_workers: u32) {
    let fault = json!({ "reset_after_events": { "n": 2 } });
    let spillway = with_fault(envoy_workers, &[0, 1], fault).await;
    let before = spillway.stats().await;
    let mut stream = spillway.client.stream(streamed_chat(50)).await;
    assert_eq!(stream.status, 200);
    stream.rest().await.expect_err("the stream is cut");
    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    assert_eq!((after.rise(&before, RETRIES), after.rise(&before, FAILED)), (0, 1));
    spillway.end().await;
}
