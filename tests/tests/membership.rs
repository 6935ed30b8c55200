//! Who can be picked: Envoy's own membership and health, or a static list.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Port, Setup, Spillway, chat, eventually, hurry, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(
    from_envoys_admin_interface,
    a_worker_that_is_not_ready,
    a_static_list,
    no_source_at_all
);

/// Sends requests; the endpoints that answered.
async fn who_answers(spillway: &Spillway, requests: u64) -> BTreeSet<String> {
    let clients = Arrivals::Closed { clients: 8 };
    let report = Load::new(&spillway.client, clients, Until::Requests(requests), |_| chat(2)).run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, requests)], "{:?}", report.broken());
    report.by_endpoint().into_keys().collect()
}

fn addresses(spillway: &Spillway, numbers: &[usize]) -> BTreeSet<String> {
    numbers.iter().map(|number| spillway.workers[*number].address().to_string()).collect()
}

fn debugging(envoy_workers: u32) -> Setup {
    Setup::new(envoy_workers).filter("endpoint-picker", json!({ "debug_header": true }))
}

async fn from_envoys_admin_interface(envoy_workers: u32) {
    let spillway = debugging(envoy_workers).start().await;
    let before = spillway.stats().await;
    assert_eq!(who_answers(&spillway, 100).await, addresses(&spillway, &[0, 1, 2]));
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, "wasmcustom.spillway.endpoint_picker.score_total"), 100, "every decision");
    assert!(after.get("cluster.admin.upstream_rq_200") > 0, "it was read from the admin interface");
    spillway.end().await;
}

async fn a_worker_that_is_not_ready(envoy_workers: u32) {
    let mut spillway = debugging(envoy_workers).start().await;
    spillway.workers[0].behave(json!({ "ready": false })).await;
    spillway.until_eligible("inference", 2).await;
    assert_eq!(who_answers(&spillway, 60).await, addresses(&spillway, &[1, 2]));
    spillway.workers[0].behave(json!({})).await;
    spillway.until_eligible("inference", 3).await;
    assert_eq!(who_answers(&spillway, 60).await, addresses(&spillway, &[0, 1, 2]));
    spillway.end().await;
}

/// Names the first two of three workers in the picker's configuration.
pub(crate) fn first_two_listed(config: &mut Value) {
    use spillway_envoy::FilterConfigs;
    let listed: Vec<_> = endpoints(config).into_iter().take(2).collect();
    let mut own = config.filter_config("endpoint-picker").unwrap();
    own["membership"] = json!({ "static": { "inference": listed } });
    config.set_filter_config("endpoint-picker", &own).unwrap();
}

/// The endpoints of cluster `inference`.
pub(crate) fn endpoints(config: &Value) -> Vec<String> {
    let clusters = config["static_resources"]["clusters"].as_array().unwrap();
    let inference = clusters.iter().find(|cluster| cluster["name"] == "inference").unwrap();
    let endpoints = inference["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array().unwrap();
    let socket = |endpoint: &Value| endpoint["endpoint"]["address"]["socket_address"].clone();
    let written = |socket: Value| format!("{}:{}", socket["address"].as_str().unwrap(), socket["port_value"]);
    endpoints.iter().map(socket).map(written).collect()
}

async fn a_static_list(envoy_workers: u32) {
    let mut spillway = debugging(envoy_workers).edit(first_two_listed).start_unsettled().await;
    spillway.until_eligible("inference", 2).await;
    let before = spillway.stats().await;
    assert_eq!(who_answers(&spillway, 60).await, addresses(&spillway, &[0, 1]));
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, "wasmcustom.spillway.endpoint_picker.score_total"), 60, "every decision");
    assert_eq!(after.get("cluster.admin.upstream_rq_total"), 0, "nobody asks the admin interface");
    spillway.end().await;
}

/// The admin interface cannot be reached: Envoy's own policy serves.
async fn no_source_at_all(envoy_workers: u32) {
    let nobody = Port::free();
    let dead = nobody.number();
    let setup = debugging(envoy_workers).edit(move |config| {
        let clusters = config["static_resources"]["clusters"].as_array_mut().unwrap();
        let admin = clusters.iter_mut().find(|cluster| cluster["name"] == "admin").unwrap();
        let endpoint = &mut admin["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        endpoint["address"]["socket_address"]["port_value"] = json!(dead);
    });
    let spillway = setup.start_unsettled().await;
    let before = spillway.stats().await;
    assert_eq!(who_answers(&spillway, 60).await, addresses(&spillway, &[0, 1, 2]));
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, "wasmcustom.spillway.endpoint_picker.no_endpoints_total"), 60);
    eventually("failures are counted", hurry(), async || {
        let failures = spillway.stats().await.own("spillway.endpoint_picker.membership_failures_total");
        if failures > 0 { Ok(()) } else { Err("none") }
    })
    .await;
    spillway.end().await;
}
