//! A pool that stays overloaded, with a permit left for those that are watched.

use serde_json::{Value, json};
use spillway_harness::{Setup, Spillway, Streaming, streamed_chat};

use super::{held_to, level, pool, until};

/// With so many permits out of forty the limit is nearly used: an overload of 175, which is not calm, and one permit is left.
const HELD: usize = 39;

/// A pool of forty permits, none of which is kept free for anybody. The ladder's `step` is taken at an overload of 50, no other
/// is.
pub(super) fn setup(envoy_workers: u32, step: &str, rules: &Value) -> Setup {
    let mut ladder = json!({
        "cap_output": 1001, "stale": 1001, "smaller_model": 1001, "refuse": 1001, "dwell_ms": 600_000,
    });
    ladder[step] = json!(50);
    let levels = ["critical", "standard", "sheddable"].map(|name| json!({ "name": name, "max_waiting": 9 }));
    let config =
        json!({ "limit": { "min": 40, "max": 40 }, "ladder": ladder, "levels": levels, "rules": rules });
    // Slow, so that what is held costs little.
    let engine = "--engine simulated --slots 64 --base-latency-ms 2 --prefill-tokens-per-s 100000 \
                  --decode-tokens-per-s 10 --headers-first";
    held_to(envoy_workers, 40, config).engine(engine)
}

/// Takes permits until the step is taken. Every Envoy worker learns of it by itself, a moment later.
pub(super) async fn overload(spillway: &Spillway, ladder_step: u64) -> Vec<Streaming> {
    let mut held = Vec::new();
    for _ in 0..HELD {
        let mut stream = spillway.client.stream(level(streamed_chat(2_000), "critical")).await;
        stream.next().await.unwrap();
        held.push(stream);
    }
    until(spillway, &pool("ladder_step"), ladder_step).await;
    held
}
