//! Two pools in one Envoy: what happens in the one changes nothing in the other.

use serde_json::{Value, json};
use spillway_envoy::FilterConfigs;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{
    MODEL, Setup, chat, eventually, hurry, request, streamed_chat, with_one_and_two_envoy_workers,
};

with_one_and_two_envoy_workers!(gauges_and_choices_are_a_pools_own);

/// A second cluster with the same endpoints, for completions.
fn second_pool(config: &mut Value) {
    let mut own = config.filter_config("endpoint-picker").unwrap();
    own["pools"] = json!(["inference", "other"]);
    own["debug_header"] = json!(true);
    // With two pools the picker has to ask Envoy for the cluster of each request.
    own["only_pool"] = json!("");
    config.set_filter_config("endpoint-picker", &own).unwrap();
    let clusters = config["static_resources"]["clusters"].as_array_mut().unwrap();
    let mut other = clusters.iter().find(|cluster| cluster["name"] == "inference").unwrap().clone();
    other["name"] = json!("other");
    other["load_assignment"]["cluster_name"] = json!("other");
    let mut books = other.filter_config("circuit-breaker").unwrap();
    books["pool"] = json!("other");
    other.set_filter_config("circuit-breaker", &books).unwrap();
    clusters.push(other);
    let listener = &mut config["static_resources"]["listeners"][0];
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut().unwrap();
    let mut route = routes[0].clone();
    route["match"] = json!({ "prefix": "/v1/completions" });
    route["route"]["cluster"] = json!("other");
    routes.insert(0, route);
}

async fn gauges_and_choices_are_a_pools_own(envoy_workers: u32) {
    let engine = "--engine simulated --slots 64 --base-latency-ms 2 --decode-tokens-per-s 20 --headers-first";
    let mut spillway = Setup::new(envoy_workers).workers(2).engine(engine).edit(second_pool).start().await;
    spillway.until_eligible("other", 2).await;
    spillway.until_booked("other").await;

    // Streams through the one pool are in flight there and nowhere else.
    let mut streams = Vec::new();
    for _ in 0..12 {
        let mut stream = spillway.client.stream(streamed_chat(2000)).await;
        stream.next().await.unwrap();
        streams.push(stream);
    }
    let stats = spillway.stats().await;
    assert_eq!(stats.in_flight("inference").values().sum::<u64>(), 12);
    assert_eq!(stats.in_flight("other").values().sum::<u64>(), 0);

    // The first worker fails, but only the first pool is told: all its failures stay there.
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 500 } } })).await;
    let clients = Arrivals::Closed { clients: 4 };
    Load::new(&spillway.client, clients, Until::Requests(60), |_| chat(1)).run().await;
    spillway.workers[0].behave(json!({})).await;
    let failures = |pool: &str| {
        let gauge = format!("spillway.pool.{pool}.endpoint.{}.failure_permille", spillway.workers[0].label());
        async { spillway.stats().await.own(&{ gauge }) }
    };
    assert!(failures("inference").await > 300);
    assert_eq!(failures("other").await, 0);

    // So the other pool goes on choosing both alike.
    let completion =
        |_| request("/v1/completions", &json!({ "model": MODEL, "prompt": "Once", "max_tokens": 1 }));
    let report = Load::new(&spillway.client, clients, Until::Requests(100), completion).run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, 100)]);
    let served = report.by_endpoint();
    assert!(served.len() == 2 && served.values().all(|count| *count >= 25), "{served:?}");

    drop(streams);
    eventually("the streams are gone", hurry(), async || {
        let left: u64 = spillway.stats().await.in_flight("inference").values().sum();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    spillway.end().await;
}
