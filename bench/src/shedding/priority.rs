//! How critical requests fare at three times the capacity, among standard and sheddable ones.

use std::time::Duration;

use anyhow::Result;
use spillway_harness::load::{Report, quantile};

use super::Options;
use super::pool::{self, Level, is_answered, is_good};
use super::proxy::Proxy;
use super::traffic::{Phase, Traffic};
use crate::bar::{self, Bar};
use crate::figures::millis;
use crate::progress;
use crate::table::Table;

const LOAD: f64 = 3.0;
const UNLOADED: f64 = 0.2;
/// Of all requests one in five is critical.
const CRITICAL: f64 = 0.2;
const WARM_UP: Duration = Duration::from_secs(10);
/// The requests by which the unloaded time to the first token is known, and what plain Envoy does with them.
const FEW_SECONDS: u64 = 30;

/// Measures, prints and keeps the table.
pub(super) async fn run(options: &Options) -> Result<()> {
    let requests = u32::try_from(options.requests).unwrap_or(u32::MAX);
    // Chance may give a few less in the mean time.
    let lasts = Duration::from_secs_f64(1.03 * f64::from(requests) / (CRITICAL * LOAD * pool::capacity()));
    let few = Duration::from_secs(FEW_SECONDS);
    let bar = progress::steps(4);
    let mut table = Table::new(
        format!("Levels at {LOAD} × C, 20 % critical, 30 % standard, 50 % sheddable, and at {UNLOADED} × C"),
        &[
            "proxy",
            "load",
            "level",
            "requests",
            "answered",
            "good",
            "not answered",
            "p50 first token, ms",
            "p99, ms",
        ],
    );
    let mut results = Vec::new();
    for (proxy, lasts) in [(Proxy::Plain, few), (Proxy::Spillway, lasts)] {
        let spillway = proxy.start(&options.shedder).await;
        bar.set_message(format!("{} at {UNLOADED} × C", proxy.name()));
        let unloaded = counted(&spillway, UNLOADED, few * if proxy == Proxy::Plain { 1 } else { 2 }).await?;
        bar.inc(1);
        bar.set_message(format!("{} at {LOAD} × C for {} s", proxy.name(), lasts.as_secs()));
        let loaded = counted(&spillway, LOAD, lasts).await?;
        bar.inc(1);
        if proxy == Proxy::Spillway {
            spillway.end().await;
        }
        for (load, report) in [(UNLOADED, &unloaded), (LOAD, &loaded)] {
            for level in Level::ALL {
                table.row(row(proxy, load, level, &of_level(report, level)));
            }
        }
        results.push((unloaded, loaded));
    }
    bar.finish_and_clear();
    table.publish("shedding-priority")?;
    let Some((unloaded, loaded)) = results.pop() else { return Ok(()) };
    let [unloaded, loaded] = [unloaded, loaded].map(|report| of_level(&report, Level::Critical));
    let failed = loaded.samples.iter().filter(|sample| !is_answered(sample)).count();
    bar::print(&[
        Bar::at_least(30_000.0, "critical requests", Some(loaded.samples.len() as f64)),
        Bar::at_most(3.0, "critical requests that failed", Some(failed as f64)),
        Bar::at_most(
            1.5,
            "p99 first token of critical requests at 3 × C ÷ at 0.2 × C",
            Some(first_token(&loaded, 0.99) / first_token(&unloaded, 0.99)),
        ),
    ]);
    Ok(())
}

async fn counted(spillway: &spillway_harness::Spillway, load: f64, lasts: Duration) -> Result<Report> {
    let traffic = Traffic::new(&[Phase { load, lasts: WARM_UP + lasts }], 1);
    Ok(traffic.run(&spillway.client).await?.only(|sample| sample.began >= WARM_UP))
}

fn of_level(report: &Report, level: Level) -> Report {
    report.only(|sample| Level::of(sample.number) == level)
}

/// Milliseconds.
fn first_token(report: &Report, share: f64) -> f64 {
    millis(quantile(&report.first_bytes(), share))
}

fn row(proxy: Proxy, load: f64, level: Level, report: &Report) -> [String; 9] {
    let all = report.samples.len();
    let answered = report.samples.iter().filter(|sample| is_answered(sample)).count();
    let good = report.samples.iter().filter(|sample| is_good(sample)).count();
    let share = |count: usize| format!("{:.1} %", 100.0 * count as f64 / all.max(1) as f64);
    [
        proxy.name().to_owned(),
        format!("{load} × C"),
        level.name().to_owned(),
        all.to_string(),
        share(answered),
        share(good),
        (all - answered).to_string(),
        format!("{:.0}", first_token(report, 0.5)),
        format!("{:.0}", first_token(report, 0.99)),
    ]
}
