//! An operator's `stats_matcher` hides what the filters stand on: they say so and stand aside.

use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(all_of_spillways_are_hidden, those_of_pools_are_hidden, only_some_are_shown);

async fn stands_aside(envoy_workers: u32, matcher: Value) {
    let setup = Setup::new(envoy_workers)
        .edit(move |config| config["stats_config"]["stats_matcher"] = matcher.clone());
    let spillway = setup.start_unsettled().await;
    let clients = Arrivals::Closed { clients: 8 };
    let report = Load::new(&spillway.client, clients, Until::Requests(60), |_| chat(2)).run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, 60)], "{:?}", report.broken());
    let log = spillway.envoy.log();
    for says in ["envoy's own policy chooses endpoints", "attempts are not booked"] {
        assert!(log.contains(&format!("gauges cannot be read back (stats_matcher?); {says}")), "{log}");
    }
    let line = spillway.access_log_line("picker=[").await;
    assert!(line.contains("picker=[reason=gauges_hidden]"), "{line}");
    spillway.end().await;
}

async fn all_of_spillways_are_hidden(envoy_workers: u32) {
    let patterns = json!([{ "prefix": "wasmcustom.spillway" }]);
    stands_aside(envoy_workers, json!({ "exclusion_list": { "patterns": patterns } })).await;
}

async fn those_of_pools_are_hidden(envoy_workers: u32) {
    let patterns = json!([{ "prefix": "wasmcustom.spillway.pool" }]);
    stands_aside(envoy_workers, json!({ "exclusion_list": { "patterns": patterns } })).await;
}

async fn only_some_are_shown(envoy_workers: u32) {
    let patterns = json!([{ "prefix": "cluster." }, { "prefix": "listener" }, { "prefix": "http." }]);
    stands_aside(envoy_workers, json!({ "inclusion_list": { "patterns": patterns } })).await;
}
