//! The loss of a zone: half of the workers die in the same moment, those nearest to Envoy.
//!
//! Six workers in two zones, Envoy in one of them; all workers of Envoy's zone are killed under load. Requests are told
//! apart by where they were at that moment. A stream that was running there is lost with either balancer: its headers had
//! come, and Envoy retries only before. Those who come later need not notice. From 50 % of capacity on the zone that is
//! left has more than it can do: answers take longer and longer, which is no error.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use spillway_harness::Setup;
use spillway_harness::load::{Arrivals, Load, Report, Sample, Until};

use super::balancer::Balancer;
use super::{Options, engine, slice};
use crate::bar::{self, Bar};
use crate::figures::figures;
use crate::progress;
use crate::table::Table;

const ZONES: [&str; 6] = ["a", "a", "a", "b", "b", "b"];
const LOST: &str = "a";
const BALANCERS: [Balancer; 2] = [Balancer::Spillway, Balancer::LeastRequest];
/// Load before the zone is lost.
const LEAD: Duration = Duration::from_secs(4);
/// Retries and circuits have so long.
const GRACE: Duration = Duration::from_secs(1);
/// Envoy then says which worker answered, whoever chose it.
const ROUTE: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config";

/// What became of the requests of a run, by where they were when the zone was lost.
#[derive(Default)]
struct Outcome {
    running_there: Count,
    running_elsewhere: Count,
    within_a_second: Count,
    later: Count,
    /// Of the later ones, milliseconds.
    p99_first_token: f64,
}

/// Requests, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    requests: usize,
    failed: usize,
}

/// Measures, prints and keeps the table.
pub(super) async fn run(options: &Options) -> Result<()> {
    let mut outcomes: [Vec<Outcome>; 2] = [const { Vec::new() }; 2];
    let bar = progress::steps(usize::from(options.rounds()) * BALANCERS.len());
    for round in 0..options.rounds() {
        for (balancer, outcomes) in BALANCERS.into_iter().zip(&mut outcomes) {
            bar.set_message(format!("a zone is lost, {}", balancer.name()));
            outcomes.push(one_run(balancer, options, u64::from(round)).await?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    report(&outcomes, options)
}

async fn one_run(balancer: Balancer, options: &Options, seed: u64) -> Result<Outcome> {
    let setup =
        Setup::new(2).workers(ZONES.len()).engine(&engine::options(seed)).zones(&ZONES).local_zone(LOST);
    let mut spillway = balancer.start(setup.edit(say_who_answered)).await;
    let arrivals =
        Arrivals::Open { per_second: engine::rate(&[1.0; ZONES.len()], options.zone_percent), seed };
    let until = Until::Elapsed(LEAD + GRACE + Duration::from_secs(options.seconds()));
    let load = Load::new(&spillway.client, arrivals, until, |_| engine::request());
    let start = Instant::now();
    let traffic = tokio::spawn(async move { load.run().await });
    tokio::time::sleep(LEAD).await;
    let lost = start.elapsed();
    let mut there = Vec::new();
    for (worker, _) in spillway.workers.iter_mut().zip(ZONES).filter(|(_, zone)| *zone == LOST) {
        worker.kill();
        there.push(worker.address().to_string());
    }
    let report = traffic.await.context("the load")?;
    spillway.end().await;
    Ok(Outcome::of(&report, lost, &there))
}

fn say_who_answered(config: &mut Value) {
    let header =
        json!({ "key": spillway_contract::headers::SERVED_BY, "value": "%UPSTREAM_REMOTE_ADDRESS%" });
    if let Some(route) = config.pointer_mut(ROUTE).and_then(Value::as_object_mut) {
        route.insert("response_headers_to_add".to_owned(), json!([{ "header": header }]));
    }
}

impl Outcome {
    fn of(report: &Report, lost: Duration, there: &[String]) -> Self {
        let was_there = |sample: &Sample| sample.endpoint.as_ref().is_some_and(|from| there.contains(from));
        let running = |sample: &Sample| sample.began < lost && sample.ended() >= lost;
        let later = report.only(|sample| sample.began >= lost + GRACE);
        let count = |report: Report| Count { requests: report.samples.len(), failed: report.failures() };
        Self {
            running_there: count(report.only(|sample| running(sample) && was_there(sample))),
            running_elsewhere: count(report.only(|sample| running(sample) && !was_there(sample))),
            within_a_second: count(report.only(|sample| (lost..lost + GRACE).contains(&sample.began))),
            p99_first_token: slice::p99_first_token(&later),
            later: count(later),
        }
    }
}

impl std::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, failed: self.failed + other.failed }
    }
}

impl Count {
    fn sum(outcomes: &[Outcome], which: fn(&Outcome) -> Self) -> Self {
        outcomes.iter().map(which).fold(Self::default(), |sum, one| sum + one)
    }

    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn share(self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }

    fn cell(self) -> String {
        format!("{} of {}", self.failed, self.requests)
    }
}

fn report(outcomes: &[Vec<Outcome>; 2], options: &Options) -> Result<()> {
    let title = format!(
        "Six workers in two zones at {} % of capacity, Envoy's own zone is killed: requests that failed, of {} rounds",
        options.zone_percent,
        options.rounds()
    );
    let head = [
        "balancer",
        "running there",
        "running elsewhere or not yet answered",
        "begun within 1 s",
        "begun later",
        "share of the later",
        "their p99 first token, ms",
    ];
    let mut table = Table::new(title, &head);
    for (balancer, outcomes) in BALANCERS.into_iter().zip(outcomes) {
        let sum = |which| Count::sum(outcomes, which);
        let later = sum(|outcome| outcome.later);
        let p99: Vec<f64> = outcomes.iter().map(|outcome| outcome.p99_first_token).collect();
        table.row([
            balancer.name().to_owned(),
            sum(|outcome| outcome.running_there).cell(),
            sum(|outcome| outcome.running_elsewhere).cell(),
            sum(|outcome| outcome.within_a_second).cell(),
            later.cell(),
            later.share().map_or_else(String::new, |share| format!("{:.2} %", share * 100.0)),
            figures(&p99, 0),
        ]);
    }
    table.publish("routing-zone")?;
    let [own, _] = outcomes;
    let later = Count::sum(own, |outcome| outcome.later).share();
    bar::print(&[Bar::at_most(0.001, "share that fails of what begins 1 s or more after the loss", later)]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_harness::load::End;

    #[test]
    fn requests_are_told_apart_by_where_they_were() {
        let sample = |began, took, endpoint: &str, status| Sample {
            began: Duration::from_millis(began),
            took: Duration::from_millis(took),
            endpoint: Some(endpoint.to_owned()),
            status,
            end: if status == 0 { End::Broken(String::new()) } else { End::Whole },
            ..Sample::default()
        };
        let samples = vec![
            sample(3_000, 200, "near", 200),
            sample(3_900, 200, "near", 0),
            sample(3_900, 200, "far", 200),
            sample(4_500, 10, "far", 503),
            sample(5_000, 200, "far", 200),
        ];
        let report = Report { samples, took: Duration::from_secs(6) };
        let outcome = Outcome::of(&report, Duration::from_secs(4), &["near".to_owned()]);
        let count = |requests, failed| Count { requests, failed };
        assert_eq!(outcome.running_there, count(1, 1));
        assert_eq!(outcome.running_elsewhere, count(1, 0));
        assert_eq!(outcome.within_a_second, count(1, 1));
        assert_eq!(outcome.later, count(1, 0));
    }
}
