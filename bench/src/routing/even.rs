//! How evenly workers are loaded, and how long clients wait for their first token.
//!
//! Each balancer has an Envoy and workers of its own; all are up at once and are loaded in turn, in an order that rotates
//! from round to round. In one round all get the same arrivals.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use spillway_harness::{Setup, Spillway};

use super::Options;
use super::balancer::Balancer;
use super::engine::{self, SLOTS};
use super::slice::{Slice, Traffic, slice};
use crate::bar::{self, Bar};
use crate::figures::{figures, median};
use crate::progress;
use crate::table::Table;

/// A comparison.
struct Case {
    name: &'static str,
    speeds: [f64; 3],
    percent: u16,
    /// The most that the spread of the load may be.
    spread: f64,
}

const EQUAL: [f64; 3] = [1.0, 1.0, 1.0];
const CASES: [Case; 4] = [
    Case { name: "equal, 50 %", speeds: EQUAL, percent: 50, spread: 0.05 },
    Case { name: "equal, 70 %", speeds: EQUAL, percent: 70, spread: 0.05 },
    Case { name: "equal, 85 %", speeds: EQUAL, percent: 85, spread: 0.05 },
    Case { name: "1 : 1 : 0.5, 70 %", speeds: [1.0, 1.0, 0.5], percent: 70, spread: 0.10 },
];

/// The second is the one that the others are compared with.
const BALANCERS: [Balancer; 3] = [Balancer::Spillway, Balancer::LeastRequest, Balancer::RoundRobin];

/// Load before it counts.
const WARM_UP: Duration = Duration::from_secs(4);

/// What a case gave, by balancer and round.
type Rounds = [Vec<Slice>; 3];

/// Measures, prints and keeps the table.
pub(super) async fn run(options: &Options) -> Result<()> {
    let head = [
        "workers",
        "balancer",
        "spread of the load",
        "mean load",
        "mean first token, ms",
        "p99, ms",
        "mean, ratio",
        "p99, ratio",
        "CPU of the machine",
    ];
    let title = format!(
        "Three workers of {SLOTS} slots, {} rounds of {} s each; ratios of the time to first token to that of least_request \
         in the same round",
        options.rounds(),
        options.seconds()
    );
    let mut table = Table::new(title, &head);
    let mut bars = Vec::new();
    let progress = progress::steps(CASES.len() * usize::from(options.rounds()) * BALANCERS.len());
    for case in &CASES {
        let rounds = case.measure(options, &progress).await?;
        let [_, base, _] = &rounds;
        for (balancer, slices) in BALANCERS.into_iter().zip(&rounds) {
            table.row(row(case, balancer, slices, base));
        }
        bars.extend(case.bars(&rounds));
    }
    progress.finish_and_clear();
    table.publish("routing-even")?;
    bar::print(&bars);
    Ok(())
}

impl Case {
    async fn measure(&self, options: &Options, progress: &indicatif::ProgressBar) -> Result<Rounds> {
        let mut running = Vec::new();
        for balancer in BALANCERS {
            progress.set_message(format!("{}: starting {}", self.name, balancer.name()));
            running.push(self.start(balancer).await);
        }
        let mut rounds = Rounds::default();
        for round in 0..options.rounds() {
            let mut turns: Vec<_> = BALANCERS.into_iter().zip(&running).zip(&mut rounds).collect();
            turns.rotate_left(usize::from(round) % BALANCERS.len());
            for ((balancer, spillway), slices) in turns {
                progress.set_message(format!("{}: {}", self.name, balancer.name()));
                let traffic = Traffic {
                    per_second: engine::rate(&self.speeds, self.percent),
                    seed: u64::from(round),
                    warm_up: WARM_UP,
                    measured: Duration::from_secs(options.seconds()),
                };
                let slice = slice(spillway, traffic).await;
                ensure!(slice.failures == 0, "{}: {} requests failed", self.name, slice.failures);
                slices.push(slice);
                progress.inc(1);
            }
        }
        for spillway in running {
            spillway.end().await;
        }
        Ok(rounds)
    }

    async fn start(&self, balancer: Balancer) -> Spillway {
        let setup = Setup::new(2).workers(self.speeds.len()).engine(&engine::options(1));
        let spillway = balancer.start(setup).await;
        for (worker, speed) in spillway.workers.iter().zip(self.speeds) {
            worker.behave(json!({ "speed_factor": speed })).await;
        }
        spillway
    }

    fn bars(&self, rounds: &Rounds) -> Vec<Bar> {
        let [own, base, _] = rounds;
        let spreads: Vec<_> = own.iter().map(|slice| slice.spread).collect();
        let what = |what| format!("{}: {what}", self.name);
        let times = |of: fn(&Slice) -> f64| median(&ratios(own, base, of));
        vec![
            Bar::at_most(self.spread, what("spread of the load"), median(&spreads)),
            Bar::at_most(1.0, what("mean first token ÷ least_request's"), times(|one| one.mean_first_token)),
            Bar::at_most(1.0, what("p99 first token ÷ least_request's"), times(|one| one.p99_first_token)),
        ]
    }
}

fn row(case: &Case, balancer: Balancer, slices: &[Slice], base: &[Slice]) -> [String; 9] {
    let of =
        |value: fn(&Slice) -> f64, digits| figures(&slices.iter().map(value).collect::<Vec<_>>(), digits);
    [
        case.name.to_owned(),
        balancer.name().to_owned(),
        of(|slice| slice.spread, 3),
        of(|slice| slice.load, 2),
        of(|slice| slice.mean_first_token, 0),
        of(|slice| slice.p99_first_token, 0),
        figures(&ratios(slices, base, |slice| slice.mean_first_token), 2),
        figures(&ratios(slices, base, |slice| slice.p99_first_token), 2),
        of(|slice| slice.cpu, 2),
    ]
}

/// Round by round.
fn ratios(slices: &[Slice], base: &[Slice], of: fn(&Slice) -> f64) -> Vec<f64> {
    slices.iter().zip(base).map(|(own, base)| of(own) / of(base)).collect()
}
