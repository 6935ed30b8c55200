//! OpenAI's own Python client against the gateway: `openai_client/check.py` where it is served, `openai_client/refused.py` where
//! it is refused.

use std::process::Command;

use serde_json::json;
use spillway_harness::{
    EMBEDDING_MODEL, MODEL, Setup, Spillway, eventually, hurry, repository, streamed_chat,
    with_one_and_two_envoy_workers,
};
use tokio::task::JoinHandle;

with_one_and_two_envoy_workers!(
    plain_streamed_vectors_and_an_error,
    its_retries_come_when_they_are_told_to_and_are_offered_load,
    a_retry_is_served_when_there_is_room,
    it_does_not_retry_what_is_hopeless,
);

/// Runs a program with the client; it ends with these words if all is as expected.
fn client(spillway: &Spillway, program: &str, arguments: &[&str], words: &'static str) -> JoinHandle<()> {
    let mut python = Command::new("python3");
    python.arg(repository().join("tests/openai_client").join(program));
    python.arg(repository().join("target/tools/openai"));
    python.args([&format!("http://{}/v1", spillway.api()), MODEL]).args(arguments);
    tokio::task::spawn_blocking(move || {
        let output = python.output().expect("python3 starts");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        println!("{said}");
        assert!(output.status.success(), "{}: {said}", output.status);
        assert!(said.ends_with(&format!("{words}: as expected\n")), "{said}");
    })
}

/// One permit, which is taken, and nobody waits. Who is refused comes back after about that many milliseconds.
async fn busy(envoy_workers: u32, comes_back_ms: u64) -> (Spillway, spillway_harness::Streaming) {
    let engine = "--engine simulated --slots 64 --base-latency-ms 2 --prefill-tokens-per-s 100000 \
                  --decode-tokens-per-s 50 --headers-first";
    let config = json!({
        "limit": { "min": 1, "max": 1 },
        "max_waiting": 0,
        "retry_after": { "burst_ms": comes_back_ms, "max_ms": comes_back_ms * 2 },
    });
    let spillway = Setup::new(envoy_workers).engine(engine).sheds(config).start().await;
    let mut held = spillway.client.stream(streamed_chat(2_000)).await;
    assert_eq!(held.status, 200);
    held.next().await.unwrap();
    (spillway, held)
}

const REFUSED: &str = "spillway.load_shedder.refused_standard_total";

async fn plain_streamed_vectors_and_an_error(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).sheds(json!({})).start().await;
    client(&spillway, "check.py", &[EMBEDDING_MODEL], "plain, streamed, vectors and error").await.unwrap();
    spillway.end().await;
}

async fn its_retries_come_when_they_are_told_to_and_are_offered_load(envoy_workers: u32) {
    let (spillway, held) = busy(envoy_workers, 1_000).await;
    client(&spillway, "refused.py", &["gives-up"], "gives-up").await.unwrap();
    // Each try is a request like any other.
    assert_eq!(spillway.stats().await.own(REFUSED), 3);
    drop(held);
    spillway.end().await;
}

async fn a_retry_is_served_when_there_is_room(envoy_workers: u32) {
    let (spillway, held) = busy(envoy_workers, 3_000).await;
    let client = client(&spillway, "refused.py", &["comes-back"], "comes-back");
    eventually("the first try is refused", hurry(), async || {
        let refused = spillway.stats().await.own(REFUSED);
        if refused > 0 { Ok(()) } else { Err(refused) }
    })
    .await;
    drop(held);
    client.await.unwrap();
    spillway.end().await;
}

async fn it_does_not_retry_what_is_hopeless(envoy_workers: u32) {
    let config = json!({ "budget": { "tokens_per_minute": 1_000 } });
    let spillway = Setup::new(envoy_workers).sheds(config).start().await;
    client(&spillway, "refused.py", &["hopeless"], "hopeless").await.unwrap();
    assert_eq!(spillway.stats().await.own(REFUSED), 1);
    spillway.end().await;
}
