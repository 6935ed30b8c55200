//! CPU time of Envoy for a refusal, beside an empty filter that refuses from the same callback, and beside proxying.
//!
//! In overload most refusals are for a full queue, so that is what is measured: the limit is held at one request, which
//! never ends, and another one waits in the only place of the queue. Beside it stands a level without a queue. Each proxy
//! is an Envoy of its own with one Envoy worker; they are loaded in turn.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, Spillway, streamed_chat};
use tokio::task::JoinHandle;

use super::Options;
use super::watch::{Look, watch_until};
use crate::bar::{self, Bar};
use crate::cost::{chat, measured};
use crate::figures::{figures, median};
use crate::overhead::{edited, load_module, prepare, quieten, remove_filter, upstream, without_filters};
use crate::progress;
use crate::table::Table;

const CLOSED: Arrivals = Arrivals::Closed { clients: 16 };
const BODY_BYTES: usize = 1_024;
/// After these the gauges are looked at.
const REFUSALS: u64 = 20_000;
/// For so long the gauges may take to be at zero again. Nobody is told to come back later than in two minutes.
const DRAINS: Duration = Duration::from_secs(150);
const SLOW: &str = "--engine simulated --slots 4 --base-latency-ms 1 --decode-tokens-per-s 1";
/// At one token a second longer than any run.
const LONG: u32 = 2_000;
const ROUTE: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config\
                     /virtual_hosts/0/routes/0/route";

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proxy {
    Bare,
    /// The filter that does nothing but refuse.
    Floor,
    /// The load-shedder and no other filter at the listener, with a full queue.
    FullQueue,
    /// The same, for a level that has no queue.
    NoQueue,
    /// A full queue behind the response-cache, as shipped.
    Shipped,
}

impl Proxy {
    const ALL: [Self; 5] = [Self::Bare, Self::Floor, Self::FullQueue, Self::NoQueue, Self::Shipped];

    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare Envoy, proxying",
            Self::Floor => "a filter that only refuses",
            Self::FullQueue => "load-shedder alone, queue full",
            Self::NoQueue => "load-shedder alone, no queue",
            Self::Shipped => "the shipped chain, queue full",
        }
    }

    const fn sheds(self) -> bool {
        matches!(self, Self::FullQueue | Self::NoQueue | Self::Shipped)
    }

    const fn status(self) -> u16 {
        if matches!(self, Self::Bare) { 200 } else { 429 }
    }

    async fn start(self, upstream: SocketAddr) -> Spillway {
        let setup = Setup::new(1).workers(usize::from(self.sheds())).engine(SLOW);
        let setup = edited(setup, self.name(), move |config| self.place(config, upstream));
        if !self.sheds() {
            return setup.start_unsettled().await;
        }
        let places = u8::from(self != Self::NoQueue);
        let shedder = json!({
            "levels": [{ "name": "critical" }, { "name": "standard", "max_waiting": places }],
            "limit": { "min": 1, "max": 1 },
            "max_wait_ms": 600_000,
        });
        setup.sheds(shedder).start_unsettled().await
    }

    fn place(self, config: &mut Value, upstream: SocketAddr) -> Result<()> {
        match self {
            Self::Bare => {
                prepare(config, &[upstream])?;
                return without_filters(config);
            }
            Self::Floor => {
                prepare(config, &[upstream])?;
                load_module(config, "load-shedder", "refuse-at-listener.wasm")?;
            }
            Self::FullQueue | Self::NoQueue | Self::Shipped => {
                quieten(config)?;
                // What is held is held for as long as a run takes.
                let route = config.pointer_mut(ROUTE).and_then(Value::as_object_mut).context("no route")?;
                route.insert("timeout".into(), json!("0s"));
                route.insert("idle_timeout".into(), json!("0s"));
            }
        }
        if self != Self::Shipped {
            remove_filter(config, "response-cache")?;
            remove_filter(config, "endpoint-picker")?;
        }
        Ok(())
    }
}

/// A running proxy, and what keeps it refusing.
struct Running {
    proxy: Proxy,
    spillway: Spillway,
    held: Vec<JoinHandle<()>>,
    micros: Vec<f64>,
}

impl Running {
    async fn start(proxy: Proxy, upstream: SocketAddr) -> Result<Self> {
        let mut running =
            Self { proxy, spillway: proxy.start(upstream).await, held: Vec::new(), micros: Vec::new() };
        match proxy {
            Proxy::FullQueue | Proxy::Shipped => running.hold(1, 1).await?,
            Proxy::NoQueue => running.hold(1, 0).await?,
            Proxy::Bare | Proxy::Floor => {}
        }
        Ok(running)
    }

    /// Keeps so many in flight and waiting.
    async fn hold(&mut self, admitted: u64, waiting: u64) -> Result<()> {
        for _ in 0..admitted + waiting {
            let client = self.spillway.client.clone();
            self.held.push(tokio::spawn(async move {
                if let Ok(response) = client.begin(streamed_chat(LONG)).await {
                    response.into_body().collect().await.ok();
                }
            }));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let look = Look::now(&self.spillway, Duration::ZERO).await;
        ensure!((look.admitted, look.waiting) == (admitted, waiting), "{}: {look:?}", self.proxy.name());
        Ok(())
    }

    /// Microseconds of Envoy's CPU per request.
    async fn load(&self, until: Until, body: &Bytes) -> Result<f64> {
        let body = body.clone();
        let load = Load::new(&self.spillway.client, CLOSED, until, move |_| chat(body.clone()));
        let (report, each) = measured(&self.spillway, load).await?;
        let expected = report.statuses().get(&self.proxy.status()).copied().unwrap_or(0);
        ensure!(
            expected > 0 && expected == report.samples.len() as u64,
            "{}: {:?}",
            self.proxy.name(),
            report.statuses()
        );
        Ok(each)
    }
}

/// Measures, prints and keeps the tables.
pub(super) async fn run(options: &Options) -> Result<()> {
    let upstream = upstream::start().await?;
    let body = body();
    let slice = Duration::from_millis(options.slice_ms);
    // A slice is short: more of them.
    let rounds = options.rounds.max(6);
    let progress = progress::steps(Proxy::ALL.len() + usize::from(rounds));
    let mut all = Vec::new();
    for proxy in Proxy::ALL {
        progress.set_message(format!("warming up: {}", proxy.name()));
        let running = Running::start(proxy, upstream).await?;
        running.load(Until::Elapsed(Duration::from_secs(options.warm_up_s.max(1))), &body).await?;
        all.push(running);
        progress.inc(1);
    }
    for _ in 0..rounds {
        for running in &mut all {
            let micros = running.load(Until::Elapsed(slice), &body).await?;
            running.micros.push(micros);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    report(&all, rounds, slice)?;
    for running in all {
        running.held.iter().for_each(JoinHandle::abort);
        if running.proxy == Proxy::Shipped {
            running.spillway.end().await;
        }
    }
    gauges(upstream, &body).await
}

fn report(all: &[Running], rounds: u16, slice: Duration) -> Result<()> {
    let of =
        |proxy| all.iter().find(|running| running.proxy == proxy).map(|running| running.micros.as_slice());
    let (bare, floor) = (of(Proxy::Bare).unwrap_or_default(), of(Proxy::Floor).unwrap_or_default());
    let ratios =
        |own: &[f64], base: &[f64]| own.iter().zip(base).map(|(own, base)| own / base).collect::<Vec<_>>();
    let title = format!("CPU of Envoy per request of {BODY_BYTES} bytes, {rounds} rounds of {slice:?}");
    let head = ["proxy", "CPU per request, µs", "ratio to the filter that only refuses", "ratio to proxying"];
    let mut table = Table::new(title, &head);
    let mut bars = Vec::new();
    for Running { proxy, micros, .. } in all {
        let [to_floor, to_bare] = [ratios(micros, floor), ratios(micros, bare)];
        table.row([proxy.name().to_owned(), figures(micros, 1), figures(&to_floor, 2), figures(&to_bare, 2)]);
        if matches!(proxy, Proxy::FullQueue | Proxy::NoQueue) {
            let name = proxy.name();
            bars.push(Bar::at_most(
                1.3,
                format!("{name}: CPU ÷ a filter that only refuses"),
                median(&to_floor),
            ));
            bars.push(Bar::at_most(0.7, format!("{name}: CPU ÷ proxying"), median(&to_bare)));
        }
    }
    table.publish("shedding-refusal")?;
    bar::print(&bars);
    Ok(())
}

/// What is left of many refusals.
async fn gauges(upstream: SocketAddr, body: &Bytes) -> Result<()> {
    let mut running = Running::start(Proxy::FullQueue, upstream).await?;
    running.load(Until::Requests(REFUSALS), body).await?;
    let before = Look::now(&running.spillway, Duration::ZERO).await;
    running.held.drain(..).for_each(|task| task.abort());
    let looks = watch_until(&running.spillway, Duration::from_secs(1), DRAINS, |look| {
        look.is_idle() && look.promised == 0
    })
    .await;
    let idle = looks.iter().find(|look| look.is_idle());
    let drained = looks.iter().find(|look| look.promised == 0);
    let seconds = |look: Option<&Look>| look.map(|look| look.at.as_secs_f64());
    let said = |look: Option<&Look>| {
        seconds(look).map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.0}"))
    };
    let head = [
        "refusals",
        "promised then",
        "none admitted, waiting or in flight after, s",
        "none promised after, s",
        "promised at the end",
    ];
    let mut table = Table::new("What is left when all is over", &head);
    table.row([
        before.refused.to_string(),
        before.promised.to_string(),
        said(idle),
        said(drained),
        looks.last().map_or(0, |look| look.promised).to_string(),
    ]);
    table.publish("shedding-gauges")?;
    bar::print(&[
        Bar::at_most(5.0, "seconds until none is admitted, waiting or in flight", seconds(idle)),
        Bar::at_most(125.0, "seconds until none is promised to come back", seconds(drained)),
    ]);
    Ok(())
}

fn body() -> Bytes {
    let frame = r#"{"model":"bench","messages":[{"role":"user","content":""}]}"#;
    let filling = "x".repeat(BODY_BYTES.saturating_sub(frame.len()));
    frame.replace(r#""content":"""#, &format!(r#""content":"{filling}""#)).into()
}
