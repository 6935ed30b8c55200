//! An endpoint that fails is isolated, probed and brought back, and clients see none of it where a retry is possible.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Report, Until};
use spillway_harness::{
    Setup, Spillway, chat, eventually, hurry, streamed_chat, with_one_and_two_envoy_workers,
};

with_one_and_two_envoy_workers!(
    a_worker_that_answers_503_gets_three_requests,
    a_worker_that_refuses_connections_gets_three_attempts,
    a_worker_that_never_answers_is_out_within_its_limit,
    a_worker_that_is_killed_in_mid_stream_trips,
    a_stream_without_its_end_trips,
    a_worker_that_recovers_is_back_and_warms_up,
    half_open_sends_one_probe_however_many_ask,
    a_worker_that_asks_for_time_gets_it,
    at_most_half_of_the_workers_are_isolated,
    when_every_worker_is_isolated_the_answer_comes_at_once,
    alone_the_breaker_refuses_what_goes_to_an_open_endpoint,
    observed_nothing_is_isolated,
    one_model_that_fails_does_not_isolate_the_worker,
);

const FAILED: &str = "wasmcustom.spillway.circuit_breaker.attempts_failure_total";

fn setup(envoy_workers: u32, breaker: Value) -> Setup {
    Setup::new(envoy_workers).filter("circuit-breaker", breaker)
}

async fn started(setup: Setup) -> Spillway {
    let spillway = setup.start().await;
    spillway.until_booked("inference").await;
    spillway
}

fn circuit(worker: usize, spillway: &Spillway) -> String {
    format!("spillway.pool.inference.endpoint.{}.circuit", spillway.workers[worker].label())
}

async fn until_circuit(spillway: &Spillway, worker: usize, expected: u64) {
    let name = circuit(worker, spillway);
    eventually(&name, hurry(), async || {
        let found = spillway.stats().await.own(&name);
        if found == expected { Ok(()) } else { Err(format!("{found}, expected {expected}")) }
    })
    .await;
}

/// So many requests one after another, all of which must be answered.
async fn one_by_one(spillway: &Spillway, requests: u64) {
    let report = send(spillway, 1, requests).await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, requests)], "{:?}", report.broken());
}

async fn send(spillway: &Spillway, clients: usize, requests: u64) -> Report {
    Load::new(&spillway.client, Arrivals::Closed { clients }, Until::Requests(requests), |_| chat(2))
        .run()
        .await
}

/// Sends requests until a circuit is open. The statuses of all of them.
async fn until_tripped(spillway: &Spillway) -> BTreeMap<u16, u64> {
    until_isolated(spillway, 1, async || send(spillway, 1, 20).await).await
}

/// Sends some of `requests` after another until so many circuits are open. An endpoint that has failed is chosen seldom,
/// so nobody knows how many that takes. The statuses of all of them.
async fn until_isolated(
    spillway: &Spillway,
    circuits: u64,
    requests: impl AsyncFn() -> Report,
) -> BTreeMap<u16, u64> {
    let mut statuses = BTreeMap::new();
    for _ in 0..50 {
        for (status, count) in requests().await.statuses() {
            *statuses.entry(status).or_default() += count;
        }
        if spillway.stats().await.own("spillway.pool.inference.isolated_circuits") >= circuits {
            return statuses;
        }
    }
    panic!("not {circuits} circuits have opened: {statuses:?}");
}

/// Requests that worker 0 has had.
async fn had(spillway: &Spillway) -> u64 {
    spillway.workers[0].counts().await.total()
}

async fn a_worker_that_answers_503_gets_three_requests(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({}))).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    assert_eq!(until_tripped(&spillway).await.into_keys().collect::<Vec<_>>(), [200]);
    until_circuit(&spillway, 0, 2).await;
    assert_eq!(had(&spillway).await, 3);
    let busy = send(&spillway, 32, 600).await;
    assert_eq!(busy.statuses().into_iter().collect::<Vec<_>>(), [(200, 600)], "{:?}", busy.broken());
    assert_eq!(had(&spillway).await, 3, "nothing more");
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.circuit_breaker.trips_consecutive_failures_total"), 1);
    assert_eq!(stats.own("spillway.pool.inference.isolated_circuits"), 1);
    let address = spillway.workers[0].address();
    let line = format!("the circuit of {address} opened for 3");
    let log = spillway.envoy.log();
    let line = log.lines().find(|text| text.contains(&line)).expect("the log says so");
    assert!(line.contains("consecutive_failures, last: status 503"), "{line}");
    spillway.end().await;
}

async fn a_worker_that_refuses_connections_gets_three_attempts(envoy_workers: u32) {
    let mut spillway = started(setup(envoy_workers, json!({}))).await;
    spillway.workers[0].kill();
    let before = spillway.stats().await;
    one_by_one(&spillway, 100).await;
    let after = spillway.stats().await;
    let failed = after.rise(&before, FAILED);
    assert!(failed <= 3, "{failed} attempts failed");
    // Envoy's health check may have been faster.
    if failed == 3 {
        assert!(spillway.envoy.log().contains("consecutive_failures, last: no connection"));
        assert_eq!(after.own(&circuit(0, &spillway)), 2);
    }
    spillway.end().await;
}

/// Envoy gives up on an attempt after this time, and tries elsewhere.
fn with_tries_of(setup: Setup, seconds: f64) -> Setup {
    setup.edit(move |config| {
        let routes = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0/route/retry_policy";
        config.pointer_mut(routes).unwrap()["per_try_timeout"] = json!(format!("{seconds}s"));
    })
}

async fn a_worker_that_never_answers_is_out_within_its_limit(envoy_workers: u32) {
    let breaker = json!({ "first_token_timeout_ms": 1000, "assumed_output_tokens": 1 });
    let spillway = started(with_tries_of(setup(envoy_workers, breaker), 3.0)).await;
    spillway.workers[0].behave(json!({ "fault": "stall" })).await;
    let began = Instant::now();
    let traffic = async { send(&spillway, 12, 3_000).await };
    let out = async {
        until_circuit(&spillway, 0, 2).await;
        began.elapsed()
    };
    let (report, out) = tokio::join!(traffic, out);
    println!("out after {out:?}");
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, 3_000)], "{:?}", report.broken());
    let had = had(&spillway).await;
    assert!((3..=12).contains(&had), "{had} requests, of which 12 at most were under way");
    assert!(spillway.stats().await.own("spillway.circuit_breaker.late_first_tokens_total") >= 3);
    spillway.end().await;
}

async fn a_worker_that_is_killed_in_mid_stream_trips(envoy_workers: u32) {
    let mut spillway = started(setup(envoy_workers, json!({}))).await;
    let mut streams = Vec::new();
    for _ in 0..18 {
        let mut stream = spillway.client.stream(streamed_chat(2_000)).await;
        stream.next().await.unwrap();
        streams.push(stream);
    }
    spillway.workers[0].kill();
    let mut broken = 0;
    for mut stream in streams {
        broken += u32::from(stream.rest().await.is_err());
    }
    assert!((3..=12).contains(&broken), "{broken} of 18 streams were there");
    until_circuit(&spillway, 0, 2).await;
    spillway.end().await;
}

async fn a_stream_without_its_end_trips(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({}))).await;
    spillway.workers[0].behave(json!({ "fault": "truncate" })).await;
    until_isolated(&spillway, 1, async || {
        let clients = Arrivals::Closed { clients: 2 };
        Load::new(&spillway.client, clients, Until::Requests(20), |_| streamed_chat(4)).run().await
    })
    .await;
    until_circuit(&spillway, 0, 2).await;
    assert!(spillway.envoy.log().contains("last: a stream without its end"));
    assert!((3..=4).contains(&had(&spillway).await), "three, and one that was under way");
    spillway.end().await;
}

async fn a_worker_that_recovers_is_back_and_warms_up(envoy_workers: u32) {
    let breaker = json!({ "fail_timeout_ms": 1000, "max_fail_timeout_ms": 4000 });
    let spillway =
        started(setup(envoy_workers, breaker).filter("endpoint-picker", json!({ "warm_up_ms": 2000 }))).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 500 } } })).await;
    // 500 is not retried: three clients see it.
    let statuses = until_tripped(&spillway).await;
    assert_eq!(statuses.get(&500), Some(&3), "{statuses:?}");
    until_circuit(&spillway, 0, 2).await;
    spillway.workers[0].behave(json!({ "fault": "none" })).await;
    let before = had(&spillway).await;
    let began = Instant::now();
    eventually("the worker is back", hurry(), async || {
        one_by_one(&spillway, 10).await;
        let stats = spillway.stats().await;
        let (circuit, back) = (stats.own(&circuit(0, &spillway)), had(&spillway).await - before);
        if circuit == 0 && back > 5 { Ok(()) } else { Err(format!("circuit {circuit}, {back} requests")) }
    })
    .await;
    println!("back after {:?}", began.elapsed());
    assert_eq!(spillway.stats().await.own("spillway.circuit_breaker.resets_probes_succeeded_total"), 1);
    assert!(spillway.envoy.log().contains("closed: probes_succeeded"));
    spillway.end().await;
}

async fn half_open_sends_one_probe_however_many_ask(envoy_workers: u32) {
    let breaker = json!({
        "fail_timeout_ms": 1000, "first_token_timeout_ms": 1000, "assumed_output_tokens": 1,
        "probe_timeout_ms": 60000,
    });
    let spillway = started(with_tries_of(setup(envoy_workers, breaker), 3.0)).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    assert_eq!(until_tripped(&spillway).await.into_keys().collect::<Vec<_>>(), [200]);
    until_circuit(&spillway, 0, 2).await;
    // The probe is held, so that all the others come while it is out.
    spillway.workers[0].behave(json!({ "fault": "stall" })).await;
    let before = spillway.stats().await;
    let probes = |stats: &spillway_harness::Stats| {
        stats.rise(&before, "wasmcustom.spillway.circuit_breaker.probes_total")
    };
    eventually("a probe is out", hurry(), async || {
        let report = send(&spillway, 200, 400).await;
        assert_eq!(report.statuses().keys().collect::<Vec<_>>(), [&200], "{:?}", report.broken());
        let stats = spillway.stats().await;
        if probes(&stats) > 0 { Ok(()) } else { Err("none yet".to_owned()) }
    })
    .await;
    let stats = spillway.stats().await;
    let failed = stats.rise(&before, "wasmcustom.spillway.circuit_breaker.trips_probe_failed_total");
    assert!(probes(&stats) <= failed + 1, "{} probes, {failed} of which have failed", probes(&stats));
    // One that has failed for taking too long hangs on until Envoy gives up on it.
    let in_flight = spillway.workers[0].counts().await.in_flight;
    assert!(in_flight <= failed + 1, "{in_flight} at a time, {failed} of which have failed");
    assert_eq!(had(&spillway).await, 3 + probes(&stats), "nothing but probes");
    spillway.end().await;
}

async fn a_worker_that_asks_for_time_gets_it(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({}))).await;
    let fault = json!({ "fault": { "status": { "code": 429, "retry_after_s": 2 } } });
    spillway.workers[0].behave(fault).await;
    let statuses = until_tripped(&spillway).await;
    assert_eq!(statuses.get(&429), Some(&1), "an answer, and only one: {statuses:?}");
    assert_eq!(spillway.stats().await.own("spillway.circuit_breaker.trips_retry_after_total"), 1);
    spillway.workers[0].behave(json!({ "fault": "none" })).await;
    eventually("the worker is back", hurry(), async || {
        one_by_one(&spillway, 20).await;
        if had(&spillway).await > 5 { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.circuit_breaker.resets_wait_is_over_total"), 1);
    assert_eq!(stats.own("spillway.circuit_breaker.attempts_failure_total"), 0, "it is not broken");
    spillway.end().await;
}

async fn at_most_half_of_the_workers_are_isolated(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({}))).await;
    for worker in &spillway.workers {
        worker.behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    }
    eventually("a circuit may not open", hurry(), async || {
        send(&spillway, 4, 20).await;
        let spared = spillway.stats().await.own("spillway.circuit_breaker.trips_spared_total");
        if spared > 0 { Ok(()) } else { Err(spared.to_string()) }
    })
    .await;
    let stats = spillway.stats().await;
    let open = (0..3).filter(|worker| stats.own(&circuit(*worker, &spillway)) == 2).count();
    assert_eq!(open, 1, "half of three is one");
    spillway.end().await;
}

async fn when_every_worker_is_isolated_the_answer_comes_at_once(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({ "max_isolated_percent": 100 }))).await;
    for worker in &spillway.workers {
        worker.behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    }
    until_isolated(&spillway, 3, async || send(&spillway, 4, 20).await).await;
    for worker in 0..3 {
        until_circuit(&spillway, worker, 2).await;
    }
    let before = spillway.stats().await;
    let answer = spillway.client.send(chat(2)).await;
    assert_eq!(answer.status, 503);
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=33).contains(&wait), "{wait} s");
    assert_eq!(answer.json()["error"]["code"], "no_endpoint");
    assert_eq!(answer.json()["error"]["type"], "server_error");
    let after = spillway.stats().await;
    assert_eq!(after.rise(&before, "cluster.inference.upstream_rq_total"), 0, "nobody was asked");
    let line = spillway.access_log_line("reason=all_isolated").await;
    assert!(line.contains(" 503 "), "{line}");
    spillway.end().await;
}

/// Takes a filter out of the listener's chain.
fn without_picker(setup: Setup) -> Setup {
    setup.edit(|config| {
        let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
        let filters = config.pointer_mut(filters).unwrap().as_array_mut().unwrap();
        filters.retain(|filter| filter["name"] != "endpoint-picker");
    })
}

async fn alone_the_breaker_refuses_what_goes_to_an_open_endpoint(envoy_workers: u32) {
    let breaker = json!({ "fail_timeout_ms": 3000, "max_fail_timeout_ms": 3000 });
    let spillway = without_picker(setup(envoy_workers, breaker)).start_unsettled().await;
    one_by_one(&spillway, 60).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    let before = had(&spillway).await;
    eventually("it is isolated", hurry(), async || {
        send(&spillway, 1, 10).await;
        let open = spillway.stats().await.own(&circuit(0, &spillway));
        if open == 2 { Ok(()) } else { Err(open.to_string()) }
    })
    .await;
    let report = send(&spillway, 4, 100).await;
    let refused = report.statuses().get(&503).copied().unwrap_or(0);
    assert!(refused > 0, "what Envoy's policy sends there is refused: {:?}", report.statuses());
    assert!(spillway.stats().await.own("spillway.circuit_breaker.refused_total") > 0);
    let answer = eventually("a refusal", hurry(), async || {
        let answer = spillway.client.send(chat(2)).await;
        if answer.status == 503 { Ok(answer) } else { Err(answer.status.to_string()) }
    })
    .await;
    assert_eq!(answer.json()["error"]["code"], "no_endpoint");
    assert!((1..=4).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    assert!(had(&spillway).await - before <= 3 + 2, "three failures, and probes");
    spillway.workers[0].behave(json!({ "fault": "none" })).await;
    eventually("it is back", hurry(), async || {
        let statuses = send(&spillway, 1, 20).await.statuses();
        if statuses.get(&200) == Some(&20) { Ok(()) } else { Err(format!("{statuses:?}")) }
    })
    .await;
    spillway.end().await;
}

async fn observed_nothing_is_isolated(envoy_workers: u32) {
    let spillway = started(setup(envoy_workers, json!({ "rules": [{ "mode": "observe" }] }))).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    eventually("it would trip", hurry(), async || {
        one_by_one(&spillway, 50).await;
        let would = spillway.stats().await.own("spillway.circuit_breaker.trips_observed_total");
        if would > 0 { Ok(()) } else { Err(would.to_string()) }
    })
    .await;
    let stats = spillway.stats().await;
    assert_eq!(
        (stats.own(&circuit(0, &spillway)), stats.own("spillway.pool.inference.eligible_endpoints")),
        (0, 3)
    );
    spillway.end().await;
}

async fn one_model_that_fails_does_not_isolate_the_worker(envoy_workers: u32) {
    let facts = json!({ "request_facts": true });
    let spillway = started(setup(envoy_workers, facts.clone()).filter("endpoint-picker", facts)).await;
    spillway.workers[0].behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    assert_eq!(until_tripped(&spillway).await.into_keys().collect::<Vec<_>>(), [200]);
    assert_eq!(had(&spillway).await, 3);
    let stats = spillway.stats().await;
    assert_eq!(stats.own(&circuit(0, &spillway)), 0, "the worker as a whole is not open");
    assert_eq!(stats.own("spillway.pool.inference.isolated_circuits"), 1);
    assert!(spillway.envoy.log().contains("for one model opened"));
    spillway.workers[0].behave(json!({ "fault": "none" })).await;
    let other = json!({ "model": "another", "messages": [{ "role": "user", "content": "x" }] });
    eventually("another model gets there", hurry(), async || {
        for _ in 0..20 {
            spillway.client.send(spillway_harness::request("/v1/chat/completions", &other)).await;
        }
        let had = had(&spillway).await;
        if had > 3 { Ok(()) } else { Err(had.to_string()) }
    })
    .await;
    spillway.end().await;
}
