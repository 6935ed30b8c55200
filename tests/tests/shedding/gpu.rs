//! GPUs that are busy, as the inference workers report them.

use serde_json::json;
use spillway_harness::{chat, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, pool, sent, until};

with_one_and_two_envoy_workers!(a_busy_gpu_is_overload_only_where_somebody_waits);

const ENGINE: &str = "--engine simulated --slots 64 --base-latency-ms 2 --prefill-tokens-per-s 100000 \
                      --decode-tokens-per-s 50 --headers-first --gpu-utilization 0.97";

/// One permit, reports that stay good, and a step that the full limit and one that waits do not reach by themselves (200).
fn config() -> serde_json::Value {
    json!({
        "limit": { "min": 1, "max": 1, "report_lasts_ms": 600_000 },
        "ladder": { "cap_output": 210 },
        "max_wait_ms": 60_000,
    })
}

async fn a_busy_gpu_is_overload_only_where_somebody_waits(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 1, config()).engine(ENGINE).workers(1).start().await;
    assert_eq!(spillway.client.send(chat(1)).await.status, 200);
    until(&spillway, &pool("gpu_permille"), 970).await;
    until(&spillway, &pool("admitted"), 0).await;
    until(&spillway, &pool("overload_permille"), 0).await;
    let held = hold(&spillway).await;
    // What the full limit alone makes of it.
    until(&spillway, &pool("overload_permille"), 200).await;
    let waits = sent(&spillway, chat(1));
    // 300 · (97 % − 85 %) ÷ (100 % − 85 %).
    until(&spillway, &pool("overload_permille"), 240).await;
    until(&spillway, &pool("ladder_step"), 1).await;
    let log = spillway.envoy.log();
    assert!(log.contains(" by gpu, limit 1"), "{log}");
    drop(held);
    assert_eq!(waits.await.unwrap(), 200);
    until(&spillway, &pool("overload_permille"), 0).await;
    end(spillway).await;
}
