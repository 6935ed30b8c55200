//! How long a hit takes, beside an answer that Envoy has in its route, at the same rate.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use spillway_harness::load::{Arrivals, quantile};

use super::Options;
use super::proxies::{Proxy, Sent, body, load};
use crate::bar::{self, Bar};
use crate::figures::{figures, median};
use crate::overhead::upstream;
use crate::table::Table;

const PER_SECOND: f64 = 1_000.0;

pub(super) async fn run(options: &Options) -> Result<()> {
    let upstreams = vec![upstream::start().await?];
    let again = Sent::Same(body(0, 1_024));
    let direct = Proxy::Direct.start(upstreams.clone(), json!({})).await;
    let cache = Proxy::Cache.start(upstreams, json!({})).await;
    let slice = Duration::from_millis(options.slice_ms * 2);
    let mut p99 = [Vec::new(), Vec::new()];
    for round in 0..=options.rounds / 2 {
        for ((proxy, sent), p99) in [(&direct, &Sent::NoBody), (&cache, &again)].into_iter().zip(&mut p99) {
            let arrivals = Arrivals::Open { per_second: PER_SECOND, seed: u64::from(round) };
            let (report, _) = load(proxy, arrivals, slice, sent).await?;
            let micros = quantile(&report.latencies(), 0.99).as_secs_f64() * 1e6;
            p99.extend((round > 0).then_some(micros));
        }
    }
    direct.end().await;
    cache.end().await;
    let ratios: Vec<f64> = p99[1].iter().zip(&p99[0]).map(|(hit, direct)| hit / direct).collect();
    let title = format!("Time of a request of 1 KB at {PER_SECOND} a second, open loop");
    let mut table = Table::new(title, &["proxy", "p99, µs", "ratio"]);
    table.row([Proxy::Direct.name().to_owned(), figures(&p99[0], 0), "1".to_owned()]);
    table.row([Proxy::Cache.name().to_owned(), figures(&p99[1], 0), figures(&ratios, 2)]);
    table.publish("cache-latency")?;
    bar::print(&[Bar::at_most(3.0, "p99 of a hit ÷ that of direct_response", median(&ratios))]);
    Ok(())
}
