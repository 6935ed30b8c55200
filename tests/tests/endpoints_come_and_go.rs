//! A thousand endpoints come and go: Envoy's statistics stay bounded, and who is there is served.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use spillway_contract::metrics::EndpointGauge;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, chat, eventually, hurry, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(statistics_stay_bounded);

const BATCH: u8 = 100;
const BATCHES: u8 = 10;
const MAX_ENDPOINTS: usize = 64;

async fn statistics_stay_bounded(envoy_workers: u32) {
    let bound = json!({ "max_endpoints": MAX_ENDPOINTS });
    let setup = Setup::new(envoy_workers).endpoints_from_file().filter("circuit-breaker", bound.clone());
    let setup = setup.filter("endpoint-picker", bound).edit(|config| {
        // Nobody listens on the addresses below, and nobody is to find out before a request goes there.
        let clusters = config["static_resources"]["clusters"].as_array_mut().unwrap();
        clusters[0].as_object_mut().unwrap().remove("health_checks");
    });
    let mut spillway = setup.start().await;
    let real: Vec<_> = spillway.workers.iter().map(spillway_harness::Worker::address).collect();
    let clients = Arrivals::Closed { clients: 4 };

    for batch in 1..=BATCHES {
        let strangers = (1..=BATCH).map(|host| SocketAddr::from((Ipv4Addr::new(127, 1, batch, host), 9)));
        let endpoints: Vec<_> = real.iter().copied().chain(strangers).collect();
        spillway.discovery.set_endpoints("inference", &endpoints);
        eventually("envoy has the batch", hurry(), async || {
            let clusters = spillway.envoy.admin("/clusters").await;
            if clusters.contains(&format!("127.1.{batch}.{BATCH}:9::")) { Ok(()) } else { Err("not yet") }
        })
        .await;
        let read = spillway.stats().await.own("spillway.pool.inference.membership_refreshed_seconds");
        // Requests meanwhile go where nobody listens: they end somehow, and are counted.
        Load::new(&spillway.client, clients, Until::Requests(40), |_| chat(1)).run().await;
        eventually("the picker has read it", hurry(), async || {
            let now = spillway.stats().await.own("spillway.pool.inference.membership_refreshed_seconds");
            if now > read { Ok(()) } else { Err(now) }
        })
        .await;
    }
    spillway.until_idle(hurry()).await;
    let stats = spillway.stats().await;
    let labels: BTreeSet<_> = stats.in_flight("inference").into_keys().collect();
    let all = stats.matching("wasmcustom.spillway.pool.inference.endpoint.", "").count();
    println!("{} labels, {all} statistics of endpoints", labels.len());
    assert!(labels.len() <= 2 * MAX_ENDPOINTS, "{} labels", labels.len());
    assert!(all <= EndpointGauge::ALL.len() * 2 * MAX_ENDPOINTS, "{all} statistics");
    assert!(stats.own("spillway.books.refused_endpoints_total") > 0, "who found no room is counted");

    spillway.discovery.set_endpoints("inference", &real);
    spillway.until_eligible("inference", real.len()).await;
    let report = eventually("only the real ones are left", Duration::from_secs(30), async || {
        let report = Load::new(&spillway.client, clients, Until::Requests(50), |_| chat(1)).run().await;
        let statuses = report.statuses();
        if statuses.get(&200) == Some(&50) { Ok(report) } else { Err(format!("{statuses:?}")) }
    })
    .await;
    assert!(report.broken().is_empty());
    for worker in &spillway.workers {
        assert!(labels.contains(&worker.label()), "the first ones keep their labels");
        assert!(worker.counts().await.total() > 0);
    }
    spillway.end().await;
}
