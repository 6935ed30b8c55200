//! How evenly equal workers are loaded.
//!
//! Load of a worker = time integral of its requests in flight ÷ its slots, from the worker's own counters. Three equal
//! workers with a simulated engine get an open loop of streamed requests at a share of their capacity; quoted is the
//! standard deviation of the three loads ÷ their mean, of several runs. Beside it the same with Envoy's own
//! `least_request` and no filter, in the same run of the program.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use spillway_harness::load::{Arrivals, Load, Report, Until, quantile};
use spillway_harness::{Setup, Spillway, Worker, streamed_chat};

use crate::quartiles::Quartiles;
use crate::table::Table;

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs; the bar is for their median
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Requests of each run after the warm-up
    #[arg(long, default_value_t = 6_000)]
    requests: u64,
    /// Share of the workers' capacity that is asked for, in percent
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u16).range(1..=300))]
    percent: u16,
    /// Seconds of load before it counts
    #[arg(long, default_value_t = 10)]
    warm_up_s: u64,
}

const WORKERS: usize = 3;
const SLOTS: u16 = 8;
const OUTPUT_TOKENS: u32 = 8;
/// 20 ms, then eight tokens at 100 a second.
const MEAN_SERVICE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq)]
enum Balancer {
    Spillway,
    LeastRequest,
}

struct Outcome {
    loads: Vec<f64>,
    report: Report,
}

/// Measures, prints and keeps the table.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let title = format!(
        "{WORKERS} equal workers of {SLOTS} slots at {} % of capacity, {} requests a run, {} runs, two Envoy workers",
        options.percent, options.requests, options.runs
    );
    let head = ["balancer", "standard deviation ÷ mean of the load", "mean load", "p50", "p99"];
    let mut table = Table::new(title, &head);
    let balancers = [
        ("endpoint-picker and circuit-breaker", Balancer::Spillway),
        ("least_request", Balancer::LeastRequest),
    ];
    let mut outcomes: Vec<Vec<Outcome>> = balancers.iter().map(|_| Vec::new()).collect();
    for seed in 0..options.runs {
        for ((name, balancer), outcomes) in balancers.iter().zip(&mut outcomes) {
            eprintln!("run {} of {}: {name}", seed + 1, options.runs);
            outcomes.push(one_run(*balancer, options, u64::from(seed)).await?);
        }
    }
    for ((name, _), outcomes) in balancers.iter().zip(&outcomes) {
        table.row(row(name, outcomes)?);
    }
    table.publish("balance")?;
    println!("bar: ≤ 0.05 with the endpoint-picker, median of three runs at 70 %");
    Ok(())
}

fn row(name: &str, outcomes: &[Outcome]) -> Result<[String; 5]> {
    let spread =
        Quartiles::of(outcomes.iter().map(|outcome| spread(&outcome.loads)).collect()).context("no run")?;
    let load =
        Quartiles::of(outcomes.iter().map(|outcome| mean(&outcome.loads)).collect()).context("no run")?;
    let mut latencies: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.report.latencies()).collect();
    latencies.sort_unstable();
    let millis = |share| format!("{:.0} ms", quantile(&latencies, share).as_secs_f64() * 1000.0);
    let spread = format!("{:.3} ({:.3} to {:.3})", spread.median, spread.first, spread.third);
    Ok([name.to_owned(), spread, format!("{:.2}", load.median), millis(0.5), millis(0.99)])
}

async fn one_run(balancer: Balancer, options: &Options, seed: u64) -> Result<Outcome> {
    let engine = format!(
        "--engine simulated --slots {SLOTS} --queue-requests 1000 --base-latency-ms 20 --prefill-tokens-per-s 1000000 \
         --decode-tokens-per-s 100 --jitter-ratio 0.3 --headers-first --seed {seed}"
    );
    let setup = Setup::new(2).workers(WORKERS).engine(&engine);
    let spillway = match balancer {
        Balancer::Spillway => {
            let spillway = setup.start().await;
            spillway.until_booked("inference").await;
            spillway
        }
        Balancer::LeastRequest => {
            setup
                .edit(|config| crate::overhead::without_filters(config).unwrap_or_default())
                .start_unsettled()
                .await
        }
    };
    let capacity = f64::from(SLOTS) * f64::from(u8::try_from(WORKERS)?) / MEAN_SERVICE.as_secs_f64();
    let per_second = capacity * f64::from(options.percent) / 100.0;
    traffic(&spillway, per_second, seed, Until::Elapsed(Duration::from_secs(options.warm_up_s))).await;
    let before = integrals(&spillway.workers).await?;
    let report = traffic(&spillway, per_second, seed + 1_000, Until::Requests(options.requests)).await;
    let after = integrals(&spillway.workers).await?;
    let answered = report.statuses().get(&200).copied().unwrap_or(0);
    ensure!(answered == options.requests, "answers by status: {:?}", report.statuses());
    let load = |(after, before): (f64, f64)| (after - before) / f64::from(SLOTS) / report.took.as_secs_f64();
    let loads = after.into_iter().zip(before).map(load).collect();
    spillway.end().await;
    Ok(Outcome { loads, report })
}

async fn traffic(spillway: &Spillway, per_second: f64, seed: u64, until: Until) -> Report {
    let arrivals = Arrivals::Open { per_second, seed };
    Load::new(&spillway.client, arrivals, until, |_| streamed_chat(OUTPUT_TOKENS)).run().await
}

/// Seconds in flight so far, per worker.
async fn integrals(workers: &[Worker]) -> Result<Vec<f64>> {
    let mut integrals = Vec::new();
    for worker in workers {
        let text = worker.client().get("/metrics").await.text();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("spillway_worker_requests_in_flight_seconds_total "));
        integrals.push(value.context("the worker does not count seconds in flight")?.trim().parse()?);
    }
    Ok(integrals)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap_or(1).max(1))
}

/// Standard deviation ÷ mean.
fn spread(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - middle).powi(2)).collect();
    mean(&squares).sqrt() / middle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_equal_and_of_unequal_loads() {
        assert!(spread(&[0.7, 0.7, 0.7]) < 1e-9);
        assert!((spread(&[0.5, 1.0, 1.5]) - 0.408).abs() < 1e-3);
    }
}
