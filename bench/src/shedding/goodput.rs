//! Good answers a second at one to six times the capacity.
//!
//! Each proxy has an Envoy and workers of its own; all are up at once and are loaded in turn, in an order that rotates from
//! round to round. In one round all get the same arrivals.

use std::time::Duration;

use anyhow::Result;
use spillway_harness::Spillway;
use spillway_harness::load::{Report, quantile};

use super::Options;
use super::picture;
use super::pool::{self, is_good};
use super::proxy::Proxy;
use super::traffic::{Phase, Traffic};
use crate::bar::{self, Bar};
use crate::figures::{figures, median, millis};
use crate::machine::cpu_nanos;
use crate::progress;
use crate::table::Table;

const LOADS: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 6.0];
/// Load before it counts. The limit is found within it.
const WARM_UP: Duration = Duration::from_secs(6);

/// A proxy under one load, round by round.
struct Trial {
    load: f64,
    proxy: Proxy,
    slices: Vec<Slice>,
}

/// What was seen of it in one round.
struct Slice {
    good: f64,
    answered: f64,
    refused: f64,
    /// Milliseconds; of the answers.
    p50_first_token: f64,
    p99_first_token: f64,
    /// Cores.
    envoy: f64,
    generator: f64,
}

/// Measures, prints and keeps the table and the picture.
pub(super) async fn run(options: &Options) -> Result<()> {
    let mut running = Vec::new();
    for proxy in Proxy::ALL {
        running.push((proxy, proxy.start(&options.shedder).await));
    }
    let pairs = LOADS.into_iter().flat_map(|load| Proxy::ALL.map(|proxy| (load, proxy)));
    let mut trials: Vec<_> = pairs.map(|(load, proxy)| Trial { load, proxy, slices: Vec::new() }).collect();
    let bar = progress::steps(usize::from(options.rounds) * trials.len());
    for round in 0..options.rounds {
        for of_one_load in trials.chunks_mut(Proxy::ALL.len()) {
            let mut turns: Vec<_> = of_one_load.iter_mut().zip(&running).collect();
            turns.rotate_left(usize::from(round) % Proxy::ALL.len());
            for (trial, (_, spillway)) in turns {
                bar.set_message(format!("{} at {} × C", trial.proxy.name(), trial.load));
                let slice = measure(spillway, trial.load, u64::from(round), options).await?;
                trial.slices.push(slice);
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    for (proxy, spillway) in running {
        // Without filters there are no books to look at.
        if proxy == Proxy::Spillway {
            spillway.end().await;
        }
    }
    report(&trials, options)
}

async fn measure(spillway: &Spillway, load: f64, seed: u64, options: &Options) -> Result<Slice> {
    let measured = Duration::from_secs(options.seconds);
    let traffic = Traffic::new(&[Phase { load, lasts: WARM_UP + measured }], seed);
    let cpu =
        || -> Result<[u64; 2]> { Ok([cpu_nanos(spillway.envoy.id())?, cpu_nanos(std::process::id())?]) };
    let ([envoy, generator], began) = (cpu()?, std::time::Instant::now());
    let report = traffic.run(&spillway.client).await?;
    let (after, took) = (cpu()?, began.elapsed().as_secs_f64());
    let cores = |after: u64, before: u64| after.saturating_sub(before) as f64 / 1e9 / took;
    let [envoy, generator] = [cores(after[0], envoy), cores(after[1], generator)];
    // By their ends: what began and has not ended is no answer yet.
    let within = WARM_UP..WARM_UP + measured;
    Ok(Slice::of(&report.only(|sample| within.contains(&sample.ended())), measured, [envoy, generator]))
}

impl Slice {
    fn of(report: &Report, measured: Duration, [envoy, generator]: [f64; 2]) -> Self {
        let per_second = |count: usize| count as f64 / measured.as_secs_f64();
        let first_tokens = report.first_bytes();
        let first_token = |share| millis(quantile(&first_tokens, share));
        let refused = |status: &u16| matches!(status, 429 | 503);
        Self {
            good: per_second(report.samples.iter().filter(|sample| is_good(sample)).count()),
            answered: per_second(first_tokens.len()),
            refused: per_second(report.samples.iter().filter(|sample| refused(&sample.status)).count()),
            p50_first_token: first_token(0.5),
            p99_first_token: first_token(0.99),
            envoy,
            generator,
        }
    }
}

fn report(trials: &[Trial], options: &Options) -> Result<()> {
    let values = |trial: &Trial, of: fn(&Slice) -> f64| trial.slices.iter().map(of).collect::<Vec<_>>();
    let at_capacity = trials.iter().filter(|trial| trial.load <= 1.0);
    let best = at_capacity.filter_map(|trial| median(&values(trial, |slice| slice.good))).fold(0.0, f64::max);
    let title = format!(
        "Good answers a second, {} rounds of {} s; best at 1 × C: {best:.1}; all rates in requests a second",
        options.rounds, options.seconds
    );
    let head = [
        "load",
        "proxy",
        "good",
        "of the best at 1 × C",
        "answered",
        "refused",
        "p50 first token, ms",
        "p99, ms",
        "cores: Envoy",
        "load generator",
    ];
    let mut table = Table::new(title, &head);
    let mut bars = Vec::new();
    let mut lines: Vec<picture::Line<'_>> = Proxy::ALL.map(|proxy| (proxy.name(), Vec::new())).into();
    for trial in trials {
        let of = |of: fn(&Slice) -> f64, digits| figures(&values(trial, of), digits);
        let good = median(&values(trial, |slice| slice.good)).unwrap_or(0.0);
        let (load, share) = (trial.load, good / best);
        table.row([
            format!("{load} × C"),
            trial.proxy.name().to_owned(),
            of(|slice| slice.good, 1),
            format!("{share:.3}"),
            of(|slice| slice.answered, 1),
            of(|slice| slice.refused, 1),
            of(|slice| slice.p50_first_token, 0),
            of(|slice| slice.p99_first_token, 0),
            of(|slice| slice.envoy, 2),
            of(|slice| slice.generator, 2),
        ]);
        for (name, points) in &mut lines {
            if *name == trial.proxy.name() {
                points.push((load, good));
            }
        }
        if trial.proxy == Proxy::Spillway {
            bars.push(Bar::at_least(
                0.95,
                format!("good answers at {load} × C ÷ the best at 1 × C"),
                Some(share),
            ));
            let cores = median(&values(trial, |slice| slice.envoy + slice.generator));
            bars.push(Bar::at_most(1.0, format!("cores of Envoy and load generator at {load} × C"), cores));
        }
    }
    table.publish("shedding-goodput")?;
    lines.push(("C", LOADS.map(|load| (load, pool::capacity())).into()));
    let title = "Answers a second that began within a second and were whole, by load";
    picture::publish("shedding-goodput", title, ["load, in capacities", "good answers a second"], &lines)?;
    bar::print(&bars);
    Ok(())
}
