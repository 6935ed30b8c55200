//! What the filters cost: CPU time of Envoy per request.
//!
//! Every variant is an Envoy of its own with one Envoy worker; all run at once. They are loaded in turn, one second
//! each, in an order that rotates from round to round, and CPU time is taken from the operating system. A round gives
//! one ratio per pair of variants; quoted are the median and quartiles of the rounds' ratios. That way what else the
//! machine does hits all variants alike.

pub(crate) mod upstream;
mod variant;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;

use crate::cost::{chat, measured};
use crate::quartiles::Quartiles;
use crate::table::Table;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, Spillway};
use variant::Variant;
pub(crate) use variant::{
    edited, http_filters, load_module, prepare, quieten, remove_filter, without_filters,
};

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds; each loads every variant once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..))]
    rounds: u16,
    /// Milliseconds of load per variant and round
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    slice_ms: u64,
    /// Connections of the closed loop
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Bytes of each request's body
    #[arg(long, default_value_t = 1_024)]
    body_bytes: usize,
}

/// A running variant.
struct Proxy {
    variant: Variant,
    spillway: Spillway,
}

/// Measures, prints and keeps the table.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let upstreams = [upstream::start().await?, upstream::start().await?, upstream::start().await?];
    let mut proxies = Vec::new();
    for variant in Variant::ALL {
        proxies.push(Proxy::start(variant, upstreams).await?);
    }
    let body = Bytes::from(body(options.body_bytes));
    for proxy in &proxies {
        proxy.load(options, &body).await.context("warming up")?;
    }
    let mut micros = vec![Vec::new(); proxies.len()];
    for round in 0..usize::from(options.rounds) {
        eprint!("\rround {} of {}", round + 1, options.rounds);
        for turn in 0..proxies.len() {
            let at = (turn + round) % proxies.len();
            let (Some(proxy), Some(micros)) = (proxies.get(at), micros.get_mut(at)) else { continue };
            micros.push(proxy.load(options, &body).await?);
        }
    }
    eprintln!();
    for proxy in proxies {
        proxy.end().await?;
    }
    report(&micros, options)
}

impl Proxy {
    async fn start(variant: Variant, upstreams: [SocketAddr; 3]) -> Result<Self> {
        variant.apply(&mut spillway_envoy::read(spillway_envoy::SPILLWAY_YAML)?, &upstreams)?;
        let setup =
            edited(Setup::new(1).workers(0), variant.name(), move |config| variant.apply(config, &upstreams));
        let mut spillway = setup.start_unsettled().await;
        if variant.works() {
            spillway.until_eligible("inference", upstreams.len()).await;
            spillway.until_booked("inference").await;
        }
        Ok(Self { variant, spillway })
    }

    /// Loads it for one slice; microseconds of CPU per request.
    async fn load(&self, options: &Options, body: &Bytes) -> Result<f64> {
        let body = body.clone();
        let arrivals = Arrivals::Closed { clients: options.connections };
        let until = Until::Elapsed(Duration::from_millis(options.slice_ms));
        let load = Load::new(&self.spillway.client, arrivals, until, move |_| chat(body.clone()));
        let (report, each) = measured(&self.spillway, load).await?;
        let answered = report.statuses().get(&200).copied().unwrap_or(0);
        // A slice with failures measures something else.
        ensure!(answered == report.samples.len() as u64, "{}: {:?}", self.variant.name(), report.statuses());
        ensure!(answered > 0, "{}: no answer within {} ms", self.variant.name(), options.slice_ms);
        Ok(each)
    }

    /// Ends it. A filter that stands aside costs nothing: what was measured must have picked and booked.
    async fn end(self) -> Result<()> {
        if self.variant.works() {
            let stats = self.spillway.stats().await;
            let [picked, left, booked] = [
                "spillway.endpoint_picker.score_total",
                "spillway.endpoint_picker.no_endpoints_total",
                "spillway.circuit_breaker.attempts_success_total",
            ]
            .map(|name| stats.own(name));
            let name = self.variant.name();
            ensure!(
                left == 0 && picked > 0 && booked >= picked,
                "{name}: {picked} picked, {left} left, {booked} booked"
            );
        }
        self.spillway.end().await;
        Ok(())
    }
}

fn report(micros: &[Vec<f64>], options: &Options) -> Result<()> {
    let title = format!(
        "CPU of Envoy per proxied POST of {} bytes: median (quartiles) of {} rounds of {} ms",
        options.body_bytes, options.rounds, options.slice_ms
    );
    let head = ["proxy", "CPU per request, µs", "ratio to bare", "ratio to the two empty filters"];
    let mut table = Table::new(title, &head);
    let of = |variant: Variant| {
        Variant::ALL.iter().position(|other| *other == variant).and_then(|at| micros.get(at))
    };
    for (variant, values) in Variant::ALL.iter().zip(micros) {
        let ratio = |to: Variant| {
            of(to).and_then(|base| ratios(values, base)).map_or_else(String::new, |q| q.to_string())
        };
        let absolute = Quartiles::of(values.clone()).map_or_else(String::new, |q| q.to_string());
        table.row([variant.name().to_owned(), absolute, ratio(Variant::Bare), ratio(Variant::Empty)]);
    }
    table.publish("overhead")?;
    println!(
        "bar: endpoint-picker and circuit-breaker together ≤ 1.4 × the two empty filters (aim 1.15); ≤ 1.6 × bare is the aim"
    );
    Ok(())
}

/// The ratios of the rounds, pair by pair.
fn ratios(values: &[f64], base: &[f64]) -> Option<Quartiles> {
    Quartiles::of(values.iter().zip(base).map(|(value, base)| value / base).collect())
}

/// A chat request of about that size.
fn body(bytes: usize) -> String {
    let frame = r#"{"model":"bench","messages":[{"role":"user","content":""}]}"#;
    let filling = "x".repeat(bytes.saturating_sub(frame.len()));
    frame.replace(r#""content":"""#, &format!(r#""content":"{filling}""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_size_that_was_asked_for() {
        assert_eq!(body(1_024).len(), 1_024);
        assert!(body(10).contains("bench"));
    }
}
