//! One balancer under one load for a while, and how its workers fared.

use std::time::Duration;

use spillway_harness::load::{Arrivals, Load, Report, Until, quantile};
use spillway_harness::{Spillway, Worker};

use super::cpu::Ticks;
use super::engine::{self, SLOTS};
use super::spread::{mean, spread};
use crate::figures::millis;

/// How it is loaded.
#[derive(Clone, Copy)]
pub(super) struct Traffic {
    pub(super) per_second: f64,
    pub(super) seed: u64,
    /// Load that is not measured.
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
}

/// What was seen.
pub(super) struct Slice {
    /// Standard deviation ÷ mean of the workers' loads.
    pub(super) spread: f64,
    /// Their mean load: requests in flight, waiting ones too, ÷ slots.
    pub(super) load: f64,
    /// Milliseconds.
    pub(super) mean_first_token: f64,
    /// Milliseconds.
    pub(super) p99_first_token: f64,
    pub(super) failures: usize,
    /// Of the whole machine, 0 to 1.
    pub(super) cpu: f64,
}

/// Loads it. The workers' integrals are read while the load goes on, so that neither its beginning nor its end counts.
pub(super) async fn slice(spillway: &Spillway, traffic: Traffic) -> Slice {
    let arrivals = Arrivals::Open { per_second: traffic.per_second, seed: traffic.seed };
    let until = Until::Elapsed(traffic.warm_up + traffic.measured);
    let load = Load::new(&spillway.client, arrivals, until, |_| engine::request());
    let (report, (loads, cpu)) = tokio::join!(load.run(), loads(&spillway.workers, traffic));
    let report = report.only(|sample| sample.began >= traffic.warm_up);
    let first_tokens = report.first_bytes();
    Slice {
        spread: spread(&loads),
        load: mean(&loads),
        mean_first_token: mean(&first_tokens.iter().copied().map(millis).collect::<Vec<_>>()),
        p99_first_token: p99_first_token(&report),
        failures: report.failures(),
        cpu,
    }
}

/// When 99 of 100 answers have begun, in milliseconds.
pub(super) fn p99_first_token(report: &Report) -> f64 {
    millis(quantile(&report.first_bytes(), 0.99))
}

/// Each worker's load while it is measured, and how busy the machine was.
async fn loads(workers: &[Worker], traffic: Traffic) -> (Vec<f64>, f64) {
    tokio::time::sleep(traffic.warm_up).await;
    let (before, began, ticks) = (integrals(workers).await, tokio::time::Instant::now(), Ticks::now());
    tokio::time::sleep(traffic.measured).await;
    let (after, took) = (integrals(workers).await, began.elapsed());
    let cpu = Ticks::now().zip(ticks).map_or(0.0, |(now, earlier)| now.share_since(earlier));
    let load = |(after, before): (f64, f64)| (after - before) / f64::from(SLOTS) / took.as_secs_f64();
    (after.into_iter().zip(before).map(load).collect(), cpu)
}

async fn integrals(workers: &[Worker]) -> Vec<f64> {
    let mut integrals = Vec::new();
    for worker in workers {
        integrals.push(worker.in_flight_seconds().await);
    }
    integrals
}
