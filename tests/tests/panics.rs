//! A filter panics while 20 streams are open: the books are put right, and the next request is served.
//!
//! The modules are test-only builds that panic when a request asks them to.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use spillway_envoy::FilterConfigs;
use spillway_harness::{
    Client, Filters, Setup, Spillway, Streaming, chat, eventually, streamed_chat,
    with_one_and_two_envoy_workers,
};
use tokio::task::JoinSet;

use crate::membership::endpoints;

with_one_and_two_envoy_workers!(
    the_breaker_with_the_admin_callout,
    the_breaker_with_a_static_list,
    the_picker_with_the_admin_callout,
    the_picker_alone_with_the_admin_callout,
    the_picker_alone_with_a_static_list,
);

const STREAMS: usize = 20;

/// Who panics, and whose share of the books is then to be taken back.
#[derive(Clone, Copy)]
struct Case {
    panics: &'static str,
    breaker: bool,
    listed: bool,
}

async fn the_breaker_with_the_admin_callout(envoy_workers: u32) {
    check(envoy_workers, Case { panics: "circuit-breaker", breaker: true, listed: false }).await;
}

async fn the_breaker_with_a_static_list(envoy_workers: u32) {
    check(envoy_workers, Case { panics: "circuit-breaker", breaker: true, listed: true }).await;
}

async fn the_picker_with_the_admin_callout(envoy_workers: u32) {
    check(envoy_workers, Case { panics: "endpoint-picker", breaker: true, listed: false }).await;
}

async fn the_picker_alone_with_the_admin_callout(envoy_workers: u32) {
    check(envoy_workers, Case { panics: "endpoint-picker", breaker: false, listed: false }).await;
}

async fn the_picker_alone_with_a_static_list(envoy_workers: u32) {
    check(envoy_workers, Case { panics: "endpoint-picker", breaker: false, listed: true }).await;
}

impl Case {
    /// Whether the filter that panics is the one that books.
    fn books(self) -> bool {
        self.breaker == (self.panics == "circuit-breaker")
    }

    fn setup(self, envoy_workers: u32) -> Setup {
        // A stream of 2,000 tokens at 40 a second is open for the whole test.
        let engine =
            "--engine simulated --slots 64 --base-latency-ms 2 --decode-tokens-per-s 40 --headers-first";
        Setup::new(envoy_workers).engine(engine).filters(Filters::Chaos).edit(move |config| {
            if self.listed {
                let listed = endpoints(config);
                let mut own = config.filter_config("endpoint-picker").unwrap();
                own["membership"] = json!({ "static": { "inference": listed } });
                config.set_filter_config("endpoint-picker", &own).unwrap();
            }
            if !self.breaker {
                without_breaker(config);
            }
        })
    }
}

fn without_breaker(config: &mut Value) {
    let options = &mut config["static_resources"]["clusters"][0]["typed_extension_protocol_options"];
    let filters = &mut options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["http_filters"];
    filters.as_array_mut().unwrap().retain(|filter| filter["name"] != "circuit-breaker");
}

async fn check(envoy_workers: u32, case: Case) {
    let spillway = case.setup(envoy_workers).start().await;
    if case.breaker {
        spillway.until_booked("inference").await;
    }
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        // A connection of its own for each, so that with two Envoy workers both have some.
        let mut stream = Client::new(spillway.api()).stream(streamed_chat(2000)).await;
        assert_eq!(stream.status, 200);
        stream.next().await.unwrap();
        streams.push(stream);
    }
    let before = spillway.stats().await;
    assert_eq!(before.in_flight("inference").values().sum::<u64>(), STREAMS as u64);

    let answer = Client::new(spillway.api()).try_send(panic_in(case.panics)).await;
    assert!(answer.is_err() || answer.as_ref().is_ok_and(|answer| answer.status == 503), "{answer:?}");
    let open = tokio::spawn(watch(streams));

    books_are_right(&spillway, Duration::from_secs(10)).await;
    let open = open.await.unwrap();
    let cut = STREAMS - open.len();
    println!("{envoy_workers} envoy workers, panic in {}: {cut} of {STREAMS} streams were cut", case.panics);
    books_are_right(&spillway, Duration::from_secs(10)).await;
    let after = spillway.stats().await;
    let total: u64 = after.in_flight("inference").values().sum();
    assert_eq!(total, open.len() as u64, "{cut} were cut");
    let repaired = after.rise(&before, "wasmcustom.spillway.books.repaired_total");
    if case.books() {
        assert!(repaired > 0, "the repair is counted");
    } else {
        assert_eq!(repaired, 0, "who does not book owes nothing");
    }

    // The VM is back: requests are served, picked and booked again.
    for _ in 0..10 {
        assert_eq!(Client::new(spillway.api()).send(chat(1)).await.status, 200);
    }
    drop(open);
    spillway.end_after_traps(1).await;
}

fn panic_in(filter: &'static str) -> Request<Full<Bytes>> {
    let mut request = chat(1);
    request.headers_mut().insert("x-spillway-chaos", HeaderValue::from_static(filter));
    request
}

/// Reads every stream for a while, so that those that were cut are known; the others.
async fn watch(streams: Vec<Streaming>) -> Vec<Streaming> {
    const WHILE: Duration = Duration::from_secs(3);
    let mut reads = JoinSet::new();
    for mut stream in streams {
        reads.spawn(async move {
            let cut = async { while matches!(stream.next().await, Ok(Some(_))) {} };
            tokio::time::timeout(WHILE, cut).await.is_err().then_some(stream)
        });
    }
    reads.join_all().await.into_iter().flatten().collect()
}

/// The gauges say what the workers themselves say.
async fn books_are_right(spillway: &Spillway, within: Duration) {
    eventually("the gauges are right", within, async || {
        let mut truth = BTreeMap::new();
        for worker in &spillway.workers {
            truth.insert(worker.label(), worker.counts().await.in_flight);
        }
        let books = spillway.stats().await.in_flight("inference");
        if books == truth { Ok(()) } else { Err(format!("{books:?}, in truth {truth:?}")) }
    })
    .await;
}
