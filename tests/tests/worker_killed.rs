//! A worker dies in mid-run, and comes back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, chat, eventually, hurry, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(clients_see_no_error_but_for_streams_in_flight);

async fn clients_see_no_error_but_for_streams_in_flight(envoy_workers: u32) {
    let engine =
        "--engine simulated --slots 64 --base-latency-ms 20 --decode-tokens-per-s 50 --headers-first";
    let setup = Setup::new(envoy_workers)
        .engine(engine)
        .filter("endpoint-picker", json!({ "debug_header": true }))
        .filter("circuit-breaker", json!({ "fail_timeout_ms": 1_000, "max_fail_timeout_ms": 1_000 }));
    let mut spillway = setup.start().await;
    let victim = spillway.workers[0].address().to_string();

    let mut streams = Vec::new();
    for _ in 0..9 {
        let mut stream = spillway.client.stream(streamed_chat(200)).await;
        assert_eq!(stream.status, 200);
        stream.next().await.unwrap();
        streams.push(stream);
    }
    let clients = Arrivals::Closed { clients: 12 };
    let load = Load::new(&spillway.client, clients, Until::Elapsed(Duration::from_secs(6)), |_| chat(5));
    let started = Instant::now();
    let running = tokio::spawn(async move { load.run().await });
    eventually("the worker is busy", hurry(), async || {
        let counts = spillway.workers[0].counts().await;
        if counts.total() > 20 && counts.in_flight > 3 { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await;
    spillway.workers[0].kill();
    let killed = started.elapsed();

    for stream in &mut streams {
        let was_its = stream.header("x-spillway-endpoint") == victim;
        let rest = stream.rest().await;
        assert_eq!(rest.is_err(), was_its, "streams of the others go on, its own are cut: {rest:?}");
    }
    let report = running.await.unwrap();
    assert_eq!(report.statuses().into_keys().collect::<Vec<_>>(), [200], "{:?}", report.statuses());
    assert!(report.broken().is_empty(), "{:?}", report.broken());
    let later = report.samples.iter().filter(|sample| sample.began > killed);
    let served: BTreeSet<_> = later.filter_map(|sample| sample.endpoint.clone()).collect();
    assert_eq!(served, spillway.workers[1..].iter().map(|worker| worker.address().to_string()).collect());
    spillway.until_eligible("inference", 2).await;

    spillway.workers[0].restart().await;
    // Its circuit is open: some of these requests are probes, and without requests there would be none.
    eventually("it gets requests again, and as one of three", hurry(), async || {
        let clients = Arrivals::Closed { clients: 12 };
        let report = Load::new(&spillway.client, clients, Until::Requests(60), |_| chat(2)).run().await;
        let gets = report.by_endpoint().contains_key(&victim);
        let eligible = spillway.stats().await.own("spillway.pool.inference.eligible_endpoints");
        if gets && eligible == 3 { Ok(()) } else { Err(format!("gets requests: {gets}, of {eligible}")) }
    })
    .await;
    spillway.end().await;
}
