//! Two Envoys before the same inference workers, each with half of the load: each finds a limit of its own and knows
//! nothing of who waits at the other. One Envoy with all of the load is beside them.

use std::time::Duration;

use anyhow::Result;
use spillway_harness::Spillway;
use spillway_harness::load::{Report, Sample, quantile};

use super::Options;
use super::pool::{self, Level, is_answered, is_good};
use super::proxy::{Proxy, beside};
use super::traffic::{Phase, Traffic};
use super::watch::{Look, loaded};
use crate::bar::{self, Bar};
use crate::figures::millis;
use crate::progress;
use crate::table::Table;

const LOADS: [f64; 3] = [0.2, 1.0, 3.0];
/// Load before it counts. The limits are found within it.
const WARM_UP: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(500);
/// How much worse than one Envoy two may be.
const WORSE: f64 = 1.1;

/// What so many Envoys made of a load.
struct Trial {
    envoys: usize,
    load: f64,
    /// Good answers a second.
    good: f64,
    critical: usize,
    failed: usize,
    /// Milliseconds.
    p99: f64,
    /// p99 in milliseconds until a worker had the request.
    in_envoy: f64,
    /// p99 in milliseconds from there to the first token.
    at_worker: f64,
    /// The mean of the sum of all limits ÷ the workers' slots.
    limit: f64,
}

/// Measures, prints and keeps the table.
pub(super) async fn run(options: &Options) -> Result<()> {
    let bar = progress::steps(2 * LOADS.len());
    let first = Proxy::Spillway.start(&options.shedder).await;
    let mut trials = Vec::new();
    for load in LOADS {
        bar.set_message(format!("one Envoy at {load} × C"));
        trials.push(measure(&first, None, load, options).await?);
        bar.inc(1);
    }
    let second = beside(&first, &options.shedder).await;
    for load in LOADS {
        bar.set_message(format!("two Envoys at {load} × C"));
        trials.push(measure(&first, Some(&second), load, options).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    second.end().await;
    first.end().await;
    report(&trials, options)
}

async fn measure(first: &Spillway, second: Option<&Spillway>, load: f64, options: &Options) -> Result<Trial> {
    let measured = Duration::from_secs(options.seconds.max(30));
    let lasts = WARM_UP + measured;
    let envoys = 1 + usize::from(second.is_some());
    let share = |seed| Traffic::new(&[Phase { load: load / envoys as f64, lasts }], seed);
    let seen = match second {
        None => vec![loaded(first, &share(1), EVERY).await?],
        Some(second) => {
            let (to_one, to_other) = (share(1), share(2));
            let (one, other) = tokio::join!(loaded(first, &to_one, EVERY), loaded(second, &to_other, EVERY));
            vec![one?, other?]
        }
    };
    let mut all = Report::default();
    let mut limit = 0.0;
    for (mut report, looks) in seen {
        all.samples.append(&mut report.samples);
        limit += mean_limit(&looks) / f64::from(pool::slots());
    }
    let within = WARM_UP..lasts;
    let good =
        all.samples.iter().filter(|sample| within.contains(&sample.ended()) && is_good(sample)).count();
    let critical = all.only(|sample| sample.began >= WARM_UP && Level::of(sample.number) == Level::Critical);
    Ok(Trial {
        envoys,
        load,
        good: good as f64 / measured.as_secs_f64(),
        critical: critical.samples.len(),
        failed: critical.samples.iter().filter(|sample| !is_answered(sample)).count(),
        p99: p99(&critical, |sample| sample.first_byte),
        in_envoy: p99(&critical, |sample| sample.headers),
        at_worker: p99(&critical, |sample| sample.first_byte?.checked_sub(sample.headers?)),
        limit,
    })
}

/// Milliseconds, of a part of the time of answered requests. The workers of this benchmark send their headers at once.
fn p99(report: &Report, part: impl Fn(&Sample) -> Option<Duration>) -> f64 {
    let answered = report.samples.iter().filter(|sample| is_answered(sample));
    let mut times: Vec<_> = answered.filter_map(part).collect();
    times.sort_unstable();
    millis(quantile(&times, 0.99))
}

fn mean_limit(looks: &[Look]) -> f64 {
    let settled: Vec<_> = looks.iter().filter(|look| look.at >= WARM_UP).collect();
    settled.iter().map(|look| look.limit as f64).sum::<f64>() / settled.len().max(1) as f64
}

fn report(trials: &[Trial], options: &Options) -> Result<()> {
    let mut table = Table::new(
        format!(
            "One and two Envoys before the same workers, {} s each; rates in requests a second",
            options.seconds.max(30)
        ),
        &[
            "Envoys",
            "load of both",
            "good",
            "critical requests",
            "of them not answered",
            "their p99 first token, ms",
            "p99 in Envoy, ms",
            "p99 at a worker, ms",
            "limits ÷ slots",
        ],
    );
    for trial in trials {
        table.row([
            trial.envoys.to_string(),
            format!("{} × C", trial.load),
            format!("{:.1}", trial.good),
            trial.critical.to_string(),
            trial.failed.to_string(),
            format!("{:.0}", trial.p99),
            format!("{:.0}", trial.in_envoy),
            format!("{:.0}", trial.at_worker),
            format!("{:.2}", trial.limit),
        ]);
    }
    table.publish("shedding-two-envoys")?;
    let best = trials.iter().filter(|trial| trial.envoys == 1 && trial.load <= 1.0);
    let best = best.map(|trial| trial.good).fold(0.0, f64::max);
    let two = |load: f64| trials.iter().rfind(|trial| trial.envoys == 2 && trial.load >= load);
    let (unloaded, loaded) = (trials.iter().find(|trial| trial.envoys == 2), two(3.0));
    let ratio = unloaded.zip(loaded).map(|(unloaded, loaded)| loaded.p99 / unloaded.p99);
    bar::print(&[
        Bar::at_least(
            0.95 / WORSE,
            "two Envoys: good answers at 3 × C ÷ the best of one at 1 × C",
            loaded.map(|trial| trial.good / best),
        ),
        Bar::at_most(
            1.5 * WORSE,
            "two Envoys: p99 first token of critical requests at 3 × C ÷ at 0.2 × C",
            ratio,
        ),
        Bar::at_most(
            3.0,
            "two Envoys: critical requests that failed",
            loaded.map(|trial| trial.failed as f64),
        ),
        Bar::at_most(
            0.1 + 0.1,
            "two Envoys: share by which the sum of their limits is off",
            loaded.map(|trial| (trial.limit - 1.0).abs()),
        ),
    ]);
    Ok(())
}
