//! CPU time of Envoy: a hit beside proxying the same request, and what the key of a long prompt adds to proxying it.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::json;
use spillway_harness::load::Arrivals;

use super::Options;
use super::proxies::{Proxy, body, load};
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

async fn hit(options: &Options) -> Result<()> {
    const PROXIES: [Proxy; 4] = [Proxy::Bare, Proxy::CacheAlone, Proxy::Cache, Proxy::Direct];
    let upstreams = vec![upstream::start().await?];
    let body = body(0, 1_024);
    let slice = Duration::from_millis(options.slice_ms);
    let mut running = Vec::new();
    for proxy in PROXIES {
        let spillway = proxy.start(upstreams.clone(), json!({})).await;
        let body = if proxy == Proxy::Direct { Bytes::new() } else { body.clone() };
        load(&spillway, CLOSED, slice, &body).await?;
        running.push((spillway, body));
    }
    let mut micros = [const { Vec::new() }; 4];
    let progress = progress::steps(usize::from(options.rounds));
    for _ in 0..options.rounds {
        for ((spillway, body), micros) in running.iter().zip(&mut micros) {
            micros.push(load(spillway, CLOSED, slice, body).await?.1);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    for ((spillway, _), proxy) in running.iter().zip(PROXIES) {
        let hits = spillway.stats().await.own("spillway.response_cache.hits_memory_total");
        ensure!((hits > 0) == proxy.caches(), "{}: {hits} hits", proxy.name());
    }
    for (spillway, _) in running {
        spillway.end().await;
    }
    let title = format!("CPU of Envoy per request of 1 KB, {} rounds of {slice:?}", options.rounds);
    let mut table = Table::new(title, &["proxy", "CPU per request, µs", "ratio to proxying"]);
    let [bare, ..] = &micros;
    let mut bars = Vec::new();
    for (proxy, micros) in PROXIES.into_iter().zip(&micros) {
        let ratios: Vec<f64> = micros.iter().zip(bare).map(|(hit, bare)| hit / bare).collect();
        table.row([proxy.name().to_owned(), figures(micros, 1), figures(&ratios, 2)]);
        if proxy.caches() {
            bars.push(Bar::at_most(
                0.8,
                format!("CPU of {} ÷ that of proxying", proxy.name()),
                median(&ratios),
            ));
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
        let body = body(1, bytes);
        let mut micros = [Vec::new(), Vec::new()];
        for round in 0..=options.rounds / 2 {
            for (proxy, micros) in [&bare, &cache].into_iter().zip(&mut micros) {
                let (_, each) = load(proxy, Arrivals::Closed { clients: 4 }, slice, &body).await?;
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

const CLOSED: Arrivals = Arrivals::Closed { clients: 16 };
