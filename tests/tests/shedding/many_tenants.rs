//! More tenants than anything is kept of.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, Spillway, Stats, chat, eventually, hurry, with_one_and_two_envoy_workers};

use super::{end, own};

with_one_and_two_envoy_workers!(
    without_a_budget_nobody_is_refused_and_nothing_is_kept_of_them,
    with_a_budget_those_without_an_account_share_one,
);

/// Envoy's own memory may change by so much by itself: buffers, connections.
const NOISE_BYTES: u64 = 1 << 19;

async fn start(envoy_workers: u32, config: Value) -> Spillway {
    let engine = "--engine simulated --slots 1000 --base-latency-ms 0 --prefill-tokens-per-s 10000000 \
                  --decode-tokens-per-s 10000000 --headers-first";
    let limit = json!({ "limit": { "min": 1_000, "max": 1_000 } });
    Setup::new(envoy_workers).engine(engine).sheds(limit).filter("load-shedder", config).start().await
}

/// A request by each of these tenants, each with a credential of its own; their answers by status.
async fn from_each(spillway: &Spillway, tenants: std::ops::Range<u64>) -> BTreeMap<u16, u64> {
    let first = tenants.start;
    let clients = Arrivals::Closed { clients: 32 };
    let load = Load::new(&spillway.client, clients, Until::Requests(tenants.end - first), move |number| {
        let mut request = chat(1);
        let credential = format!("Bearer {:064}", first + number);
        request.headers_mut().insert("authorization", credential.parse().unwrap());
        request
    });
    let report = load.run().await;
    assert!(report.broken().is_empty(), "{:?}", report.broken());
    report.statuses()
}

/// Statistics in which Envoy's memory is as it is now: it looks every few seconds.
async fn fresh_stats(spillway: &Spillway) -> Stats {
    let before = spillway.stats().await.get("server.uptime");
    eventually("Envoy has looked at its memory", hurry(), async || {
        let stats = spillway.stats().await;
        if stats.get("server.uptime") > before { Ok(stats) } else { Err("not yet") }
    })
    .await
}

/// The second look shows no more statistics and no more memory than the first.
#[track_caller]
fn nothing_grew(before: &Stats, after: &Stats) {
    assert_eq!(after.iter().count(), before.iter().count(), "statistics");
    let [before, after] = [before, after].map(|stats| stats.get("server.memory_allocated"));
    println!("{before} bytes, then {after}");
    assert!(after < before + NOISE_BYTES, "{before} bytes, then {after}");
}

async fn without_a_budget_nobody_is_refused_and_nothing_is_kept_of_them(envoy_workers: u32) {
    let spillway = start(envoy_workers, json!({})).await;
    assert_eq!(from_each(&spillway, 0..4_000).await, [(200, 4_000)].into());
    let before = fresh_stats(&spillway).await;
    assert_eq!(from_each(&spillway, 4_000..24_000).await, [(200, 20_000)].into());
    nothing_grew(&before, &fresh_stats(&spillway).await);
    end(spillway).await;
}

async fn with_a_budget_those_without_an_account_share_one(envoy_workers: u32) {
    let spillway = start(envoy_workers, json!({ "budget": { "requests_per_minute": 1 } })).await;
    let first = from_each(&spillway, 0..4_000).await;
    // A thousand have accounts, and one of each part of the others is served; the rest have used it up together.
    assert!(first.get(&200).is_some_and(|served| *served >= 1_024), "{first:?}");
    let refused = first.get(&429).copied().unwrap_or(0);
    assert!(refused > 0 && first.values().sum::<u64>() == 4_000, "{first:?}");
    assert_eq!(spillway.stats().await.own(&own("refused_over_request_budget_total")), refused);
    let before = fresh_stats(&spillway).await;
    let second = from_each(&spillway, 4_000..24_000).await;
    assert_eq!(second.values().sum::<u64>(), 20_000, "{second:?}");
    assert!(second.keys().all(|status| [200, 429].contains(status)), "{second:?}");
    nothing_grew(&before, &fresh_stats(&spillway).await);
    end(spillway).await;
}
