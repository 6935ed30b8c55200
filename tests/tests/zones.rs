//! One's own zone comes first, others when it is full or gone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, Spillway, chat, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    ones_own_zone_comes_first,
    a_full_zone_spills_over_and_comes_back,
    a_retry_leaves_the_zone,
    a_zone_that_is_lost_costs_only_what_ran_there,
);

/// Workers 0 and 1 are near.
const ZONES: [&str; 4] = ["near", "near", "far", "farther"];

/// A request takes 50 ms, four at a time.
const ENGINE: &str = "--engine simulated --slots 4 --queue-requests 1000 --base-latency-ms 40 \
                      --prefill-tokens-per-s 1000000 --decode-tokens-per-s 200";

async fn started(envoy_workers: u32) -> Spillway {
    let setup = Setup::new(envoy_workers).workers(4).engine(ENGINE).zones(&ZONES).local_zone("near");
    let spillway = setup.filter("endpoint-picker", json!({ "debug_header": true })).start().await;
    spillway.until_booked("inference").await;
    spillway
}

/// So many clients for so many requests; who answered how many, by zone.
async fn by_zone(spillway: &Spillway, clients: usize, requests: u64) -> BTreeMap<&'static str, u64> {
    let load = Load::new(&spillway.client, Arrivals::Closed { clients }, Until::Requests(requests), |_| {
        streamed_chat(2)
    });
    let report = load.run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, requests)], "{:?}", report.broken());
    let mut zones = BTreeMap::new();
    for (worker, zone) in spillway.workers.iter().zip(ZONES) {
        let served = report.by_endpoint().get(&worker.address().to_string()).copied().unwrap_or(0);
        *zones.entry(zone).or_default() += served;
    }
    zones
}

async fn ones_own_zone_comes_first(envoy_workers: u32) {
    let spillway = started(envoy_workers).await;
    by_zone(&spillway, 2, 60).await;
    // A quarter of what the zone has room for, so that nobody need leave it.
    let zones = by_zone(&spillway, 2, 200).await;
    assert_eq!(zones["near"], 200, "{zones:?}");
    spillway.end().await;
}

async fn a_full_zone_spills_over_and_comes_back(envoy_workers: u32) {
    let spillway = started(envoy_workers).await;
    by_zone(&spillway, 4, 60).await;
    let full = by_zone(&spillway, 14, 600).await;
    let near = full["near"];
    println!("14 clients, 8 slots near: {full:?}");
    assert!((250..=480).contains(&near), "as much as there is room for: {full:?}");
    assert!(full["far"] > 30 && full["farther"] > 30, "{full:?}");
    let stats = spillway.stats().await;
    assert!(stats.own("spillway.endpoint_picker.spill_total") > 60);
    let back = by_zone(&spillway, 4, 200).await;
    assert!(back["near"] >= 195, "{back:?}");
    spillway.end().await;
}

async fn a_retry_leaves_the_zone(envoy_workers: u32) {
    let spillway = started(envoy_workers).await;
    by_zone(&spillway, 2, 20).await;
    for worker in &spillway.workers[..2] {
        worker.behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    }
    let answer = spillway.client.send(chat(2)).await;
    assert_eq!(answer.status, 200);
    let far: Vec<_> = spillway.workers[2..].iter().map(|worker| worker.address().to_string()).collect();
    assert!(far.contains(&answer.header("x-spillway-endpoint")), "{}", answer.header("x-spillway-endpoint"));
    spillway.access_log_line("attempts=2").await;
    spillway.end().await;
}

async fn a_zone_that_is_lost_costs_only_what_ran_there(envoy_workers: u32) {
    let mut spillway = started(envoy_workers).await;
    by_zone(&spillway, 4, 60).await;
    let clients = Arrivals::Closed { clients: 6 };
    let load = Load::new(&spillway.client, clients, Until::Elapsed(Duration::from_secs(6)), |_| chat(2));
    let traffic = tokio::spawn(async move { load.run().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    spillway.workers[..2].iter_mut().for_each(spillway_harness::Worker::kill);
    let report = traffic.await.unwrap();
    assert_eq!(report.statuses().into_keys().collect::<Vec<_>>(), [200], "{:?}", report.statuses());
    assert!(report.broken().is_empty(), "plain answers are retried: {:?}", report.broken());
    let far = report.by_endpoint().get(&spillway.workers[2].address().to_string()).copied().unwrap_or(0);
    assert!(far > 50, "{:?}", report.by_endpoint());
    spillway.end().await;
}
