//! CPU time of Envoy: a hit beside proxying the same request, and what the key of a long prompt adds to proxying it.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use spillway_harness::load::Arrivals;

use super::Options;
use super::proxies::{Proxy, Sent, body, load};
use crate::bar::{self, Bar};
use crate::figures::{figures, median};
use crate::overhead::upstream::{self, Answer};
use crate::progress;
use crate::table::Table;

/// A long prompt, and what its key may add, in microseconds.
struct Long {
    name: &'static str,
    bytes: usize,
    most: f64,
}

const LONG: [Long; 2] = [
    Long { name: "220 KB", bytes: 220_000, most: 1_500.0 },
    Long { name: "1 MB", bytes: 1_000_000, most: 6_000.0 },
];

pub(super) async fn run(options: &Options) -> Result<()> {
    hit(options).await?;
    keys(options).await
}

/// What is compared.
struct Case {
    name: &'static str,
    proxy: Proxy,
    sent: Sent,
    /// Whether there is a bar for it.
    has_bar: bool,
}

fn cases() -> [Case; 5] {
    let body = body(0, 1_024);
    let same = || Sent::Same(body.clone());
    let case = |name, proxy, sent, has_bar| Case { name, proxy, sent, has_bar };
    [
        case(Proxy::Bare.name(), Proxy::Bare, same(), false),
        case(Proxy::CacheAlone.name(), Proxy::CacheAlone, same(), true),
        case("the same, never the same bytes", Proxy::CacheAlone, Sent::Rewritten(body.clone()), false),
        case(Proxy::Cache.name(), Proxy::Cache, same(), true),
        case(Proxy::Direct.name(), Proxy::Direct, Sent::NoBody, false),
    ]
}

async fn hit(options: &Options) -> Result<()> {
    let upstreams = vec![upstream::start().await?];
    let slice = Duration::from_millis(options.slice_ms);
    let cases = cases();
    let mut running = Vec::new();
    for Case { proxy, sent, .. } in &cases {
        let spillway = proxy.start(upstreams.clone(), json!({})).await;
        load(&spillway, CLOSED, WARM_UP, sent).await?;
        running.push(spillway);
    }
    let mut micros = [const { Vec::new() }; 5];
    let progress = progress::steps(usize::from(options.rounds));
    for _ in 0..options.rounds {
        for ((spillway, case), micros) in running.iter().zip(&cases).zip(&mut micros) {
            micros.push(load(spillway, CLOSED, slice, &case.sent).await?.1);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    for (spillway, case) in running.iter().zip(&cases) {
        let hits = spillway.stats().await.own("spillway.response_cache.hits_memory_total");
        ensure!((hits > 0) == case.proxy.caches(), "{}: {hits} hits", case.name);
    }
    for spillway in running {
        spillway.end().await;
    }
    let title = format!("CPU of Envoy per request of 1 KB, {} rounds of {slice:?}", options.rounds);
    let mut table = Table::new(title, &["proxy", "CPU per request, µs", "ratio to proxying"]);
    let [bare, ..] = &micros;
    let mut bars = Vec::new();
    for (case, micros) in cases.iter().zip(&micros) {
        let ratios: Vec<f64> = micros.iter().zip(bare).map(|(hit, bare)| hit / bare).collect();
        table.row([case.name.to_owned(), figures(micros, 1), figures(&ratios, 2)]);
        if case.has_bar {
            let what = format!("CPU of {} ÷ that of proxying", case.name);
            bars.push(Bar::at_most(0.8, what, median(&ratios)));
        }
    }
    table.publish("cache-hit")?;
    bar::print(&bars);
    Ok(())
}

/// The answers say `no-store`, so that every request is keyed, looked up and proxied.
async fn keys(options: &Options) -> Result<()> {
    let upstreams = vec![upstream::start_with(Answer { cache_control: Some("no-store"), padding: 0 }).await?];
    let bare = Proxy::Bare.start(upstreams.clone(), json!({})).await;
    let config = json!({ "max_body_bytes": 4_000_000, "pass_ms": 3_600_000 });
    let cache = Proxy::Cache.start(upstreams, config).await;
    let slice = Duration::from_millis(options.slice_ms);
    let mut table = Table::new(
        "CPU of Envoy per proxied request that is not stored",
        &["prompt", "bare, µs", "with response-cache, picker and breaker, µs", "more, µs"],
    );
    let mut bars = Vec::new();
    for Long { name, bytes, most } in LONG {
        let sent = Sent::Same(body(1, bytes));
        let mut micros = [Vec::new(), Vec::new()];
        for round in 0..=options.rounds / 2 {
            for (proxy, micros) in [&bare, &cache].into_iter().zip(&mut micros) {
                let (_, each) = load(proxy, Arrivals::Closed { clients: 4 }, slice, &sent).await?;
                // The first one warms up.
                micros.extend((round > 0).then_some(each));
            }
        }
        let more: Vec<f64> = micros[1].iter().zip(&micros[0]).map(|(cache, bare)| cache - bare).collect();
        table.row([name.to_owned(), figures(&micros[0], 0), figures(&micros[1], 0), figures(&more, 0)]);
        bars.push(Bar::at_most(most, format!("{name}: CPU that is added, µs"), median(&more)));
    }
    bare.end().await;
    cache.end().await;
    table.publish("cache-key")?;
    bar::print(&bars);
    Ok(())
}

/// Envoy's Wasm engine compiles a function well only after it has run for some time: with calls as short as these, after some
/// hundred thousand requests. Until then a hit takes a third longer.
const WARM_UP: Duration = Duration::from_secs(20);

const CLOSED: Arrivals = Arrivals::Closed { clients: 16 };
