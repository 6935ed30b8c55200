//! How much a pool is given.

use std::time::Duration;

use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, eventually, streamed_chat, with_one_and_two_envoy_workers};

use super::{end, pool};

with_one_and_two_envoy_workers!(the_limit_finds_the_slots_and_nobody_is_lost);

/// Three workers with four slots each, and forty clients who always want something.
async fn the_limit_finds_the_slots_and_nobody_is_lost(envoy_workers: u32) {
    let engine = "--engine simulated --slots 4 --queue-requests 1000 --base-latency-ms 5 \
                  --prefill-tokens-per-s 100000 --decode-tokens-per-s 200 --headers-first";
    let config =
        json!({ "limit": { "initial_per_endpoint": 1, "report_lasts_ms": 0 }, "max_wait_ms": 60_000 });
    let spillway = Setup::new(envoy_workers).engine(engine).sheds(config).start().await;
    let load = Load::new(
        &spillway.client,
        Arrivals::Closed { clients: 40 },
        Until::Elapsed(Duration::from_secs(30)),
        |_| streamed_chat(40),
    );
    let running = tokio::spawn(async move { load.run().await });
    let mut limits = Vec::new();
    // What it is on a calm machine is for the benchmark to say: here nothing is calm.
    eventually("the limit is about that of the slots", Duration::from_secs(30), async || {
        let limit = spillway.stats().await.own(&pool("admitted_limit"));
        limits.push(limit);
        if (9..=20).contains(&limit) { Ok(()) } else { Err(format!("{limit}")) }
    })
    .await;
    println!("limits: {limits:?}");
    let report = running.await.unwrap();
    assert_eq!(report.statuses().into_keys().collect::<Vec<_>>(), [200], "{:?}", report.broken());
    end(spillway).await;
}
