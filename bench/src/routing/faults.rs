//! One of three workers fails: how much it still gets, who notices, and when it is back.
//!
//! Each fault has an Envoy of its own with each balancer; all run side by side under little load, because what is
//! measured takes seconds and not milliseconds. Envoy's health check (`/ready`) sees a worker that is gone, and neither
//! one that answers 503 nor one that stalls.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Sample, Until};
use spillway_harness::{Host, Setup, Spillway, Worker};
use tokio::task::{JoinSet, LocalSet};

use super::balancer::Balancer;
use super::watch::Watch;
use super::{Options, engine};
use crate::bar::{self, Bar};
use crate::figures::{figures, median, times};
use crate::progress;
use crate::table::Table;

const BALANCERS: [Balancer; 2] = [Balancer::Spillway, Balancer::LeastRequest];
/// By default a circuit is open for 30 s, and up to a tenth longer at random.
const LONGEST_OPEN_S: f64 = 33.0;
/// By default the endpoint then warms up.
const WARM_UP_S: f64 = 10.0;
const LEAD: Duration = Duration::from_secs(3);
const RETRIES: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config\
                       /virtual_hosts/0/routes/0/route/retry_policy";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It is gone: connections are refused.
    Refuses,
    /// It answers 503 at once.
    Answers503,
    /// It takes requests and answers nothing.
    Stalls,
}

/// What was seen.
struct Outcome {
    /// Attempts that it got and that failed there, from the moment it broke until it was mended.
    attempts: u64,
    /// Requests that failed: those that were under way when it broke, and those that came later.
    failed: [usize; 2],
    requests: usize,
    out: Option<Duration>,
    back: Option<Duration>,
}

/// A fault with a balancer, and its outcomes by round.
struct Trial {
    fault: Fault,
    balancer: Balancer,
    outcomes: Vec<Outcome>,
}

/// Measures, prints and keeps the table.
pub(super) async fn run(options: &Options) -> Result<()> {
    let faults = [Fault::Refuses, Fault::Answers503, Fault::Stalls];
    let trial = |(fault, balancer)| Trial { fault, balancer, outcomes: Vec::new() };
    let pairs = faults.into_iter().flat_map(|fault| BALANCERS.map(|balancer| (fault, balancer)));
    let mut trials: Vec<_> = pairs.map(trial).collect();
    let bar = progress::steps(usize::from(options.rounds()) * trials.len());
    for round in 0..options.rounds() {
        let (mut running, here) = (JoinSet::new(), LocalSet::new());
        for (number, trial) in trials.iter().enumerate() {
            bar.set_message("one worker fails: starting");
            let spillway = trial.start(options, u64::from(round)).await;
            let times = Times::of(options, u64::from(round));
            let fault = trial.fault;
            running.spawn_local_on(async move { (number, fault.happen(spillway, times).await) }, &here);
        }
        bar.set_message("one worker fails, in every way");
        while let Some(done) = here.run_until(running.join_next()).await {
            let (number, outcome) = done?;
            trials.get_mut(number).context("no such trial")?.outcomes.push(outcome?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    report(&trials, options)
}

/// How long what takes, and the load.
#[derive(Clone, Copy)]
struct Times {
    broken: Duration,
    recovery: Duration,
    arrivals: Arrivals,
}

impl Times {
    fn of(options: &Options, seed: u64) -> Self {
        Self {
            broken: Duration::from_secs(options.fault_s),
            recovery: Duration::from_secs(options.recovery_s),
            arrivals: Arrivals::Open { per_second: engine::rate(&[1.0; 3], options.fault_percent), seed },
        }
    }
}

impl Trial {
    async fn start(&self, options: &Options, seed: u64) -> Spillway {
        let mut setup = Setup::new(2).workers(3).engine(&engine::options(seed));
        if self.fault == Fault::Stalls {
            let limit = format!("{}s", options.try_timeout_s);
            setup = setup.edit(move |config| {
                if let Some(policy) = config.pointer_mut(RETRIES).and_then(Value::as_object_mut) {
                    policy.insert("per_try_timeout".to_owned(), json!(limit));
                }
            });
            let limit = json!({ "first_token_timeout_ms": options.first_token_timeout_ms });
            setup = setup.filter("circuit-breaker", limit);
        }
        self.balancer.start(setup).await
    }

    /// What is expected of Spillway. Attempts that were under way come on top of three, so the median may be above.
    fn bars(&self, options: &Options) -> Vec<Bar> {
        let what = |what| format!("{}: {what}", self.fault.name());
        let of = |figure: &dyn Fn(&Outcome) -> Option<f64>| {
            let values: Option<Vec<f64>> = self.outcomes.iter().map(figure).collect();
            values.and_then(|values| median(&values))
        };
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let back = of(&|outcome| seconds(outcome.back));
        let mut bars = vec![Bar::at_most(LONGEST_OPEN_S + WARM_UP_S, what("back after, s"), back)];
        if self.fault == Fault::Stalls {
            // Looked at once a second.
            let limit = Duration::from_millis(options.first_token_timeout_ms + 1_000).as_secs_f64();
            bars.push(Bar::at_most(limit, what("out after, s"), of(&|outcome| seconds(outcome.out))));
        } else {
            let number = |count: u64| u32::try_from(count).ok().map(f64::from);
            let attempts = of(&|outcome| number(outcome.attempts));
            bars.push(Bar::at_most(3.0, what("failed attempts at it"), attempts));
            let lost = of(&|outcome| number(outcome.failed[1].try_into().ok()?));
            bars.push(Bar::at_most(0.0, what("requests lost that came later"), lost));
        }
        bars
    }

    fn row(&self) -> [String; 7] {
        let all = |figure: fn(&Outcome) -> usize| {
            let values = self.outcomes.iter().map(figure).filter_map(|value| u32::try_from(value).ok());
            figures(&values.map(f64::from).collect::<Vec<_>>(), 0)
        };
        let at = |figure: fn(&Outcome) -> Option<Duration>, never| {
            let seconds = self.outcomes.iter().map(|one| figure(one).map(|time| time.as_secs_f64()));
            times(&seconds.collect::<Vec<_>>(), never)
        };
        [
            self.fault.name().to_owned(),
            self.balancer.name().to_owned(),
            all(|outcome| usize::try_from(outcome.attempts).unwrap_or(usize::MAX)),
            all(|outcome| outcome.failed[0]),
            format!("{} of {}", all(|outcome| outcome.failed[1]), all(|outcome| outcome.requests)),
            at(|outcome| outcome.out, "never out"),
            at(|outcome| outcome.back, "not back"),
        ]
    }
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::Refuses => "refuses connections",
            Self::Answers503 => "answers 503 at once",
            Self::Stalls => "stalls",
        }
    }

    /// Loads it, breaks the first worker, mends it, and looks on.
    async fn happen(self, mut spillway: Spillway, times: Times) -> Result<Outcome> {
        let until = Until::Elapsed(LEAD + times.broken + times.recovery);
        let load = Load::new(&spillway.client, times.arrivals, until, |_| engine::request());
        let start = Instant::now();
        let traffic = tokio::spawn(async move { load.run().await });
        tokio::time::sleep(LEAD).await;
        let worker = spillway.workers.first().context("no worker")?.address();
        let before = spillway.envoy.hosts("inference").await.get(&worker).copied().unwrap_or_default();
        let broke = start.elapsed();
        self.set_in(first(&mut spillway)?).await;
        let broken = Watch::look(&spillway, worker, start, times.broken).await;
        let after = spillway.envoy.hosts("inference").await.get(&worker).copied().unwrap_or_default();
        self.mend(first(&mut spillway)?).await;
        let mended = Watch::look(&spillway, worker, start, times.recovery).await;
        let report = traffic.await.context("the load")?;
        let later = |sample: &Sample| sample.began >= broke;
        let outcome = Outcome {
            attempts: self.attempts(&before, &after),
            failed: [report.only(|sample| !later(sample)).failures(), report.only(later).failures()],
            requests: report.only(later).samples.len(),
            out: broken.until_out(|host| self.counter(host)),
            back: mended.until_back(),
        };
        spillway.end().await;
        Ok(outcome)
    }

    async fn set_in(self, worker: &mut Worker) {
        match self {
            Self::Refuses => worker.kill(),
            Self::Answers503 => worker.behave(json!({ "fault": { "status": { "code": 503 } } })).await,
            // Not even headers, so that Envoy can try elsewhere.
            Self::Stalls => worker.behave(json!({ "fault": "stall", "headers_first": false })).await,
        }
    }

    async fn mend(self, worker: &mut Worker) {
        match self {
            Self::Refuses => worker.restart().await,
            Self::Answers503 | Self::Stalls => worker.behave(json!({})).await,
        }
    }

    /// What of the counters rises with each attempt that this fault spoils.
    const fn counter(self, host: &Host) -> u64 {
        match self {
            // Where there is no connection there is no request.
            Self::Refuses | Self::Answers503 => host.errors,
            Self::Stalls => host.attempts,
        }
    }

    fn attempts(self, before: &Host, after: &Host) -> u64 {
        let rise = self.counter(after).saturating_sub(self.counter(before));
        // What was running on a worker that dies fails as well, and had been sent before.
        rise.saturating_sub(if self == Self::Refuses { before.active } else { 0 })
    }
}

fn first(spillway: &mut Spillway) -> Result<&mut Worker> {
    match spillway.workers.first_mut() {
        Some(worker) => Ok(worker),
        None => bail!("no worker"),
    }
}

fn report(trials: &[Trial], options: &Options) -> Result<()> {
    let title = format!(
        "One of three workers fails for {} s, at {} % of their capacity; {} rounds",
        options.fault_s,
        options.fault_percent,
        options.rounds()
    );
    let head = [
        "it",
        "balancer",
        "failed attempts at it",
        "requests lost that were under way",
        "requests lost that came later",
        "out after, s",
        "back after, s",
    ];
    let mut table = Table::new(title, &head);
    trials.iter().for_each(|trial| table.row(trial.row()));
    table.publish("routing-faults")?;
    let own = trials.iter().filter(|trial| trial.balancer == Balancer::Spillway);
    bar::print(&own.flat_map(|trial| trial.bars(options)).collect::<Vec<_>>());
    Ok(())
}
