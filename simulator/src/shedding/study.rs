//! What is run for the tables.

use std::time::Duration;

use super::{Kind, NAME, Outcome, Plan, Returns, run};

/// Multiples of what the pool can serve.
pub(super) const LOADS: [f64; 6] = [0.5, 1.0, 1.2, 2.0, 3.0, 6.0];

/// A comparison before it is run.
#[derive(Clone, Debug)]
pub struct Study {
    gates: Vec<Finding<()>>,
    limits: Vec<Finding<()>>,
    bursts: Vec<Finding<()>>,
}

/// A run: what it is called, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding<O = Outcome> {
    /// What is special about it.
    pub name: String,
    /// What decided.
    pub kind: Kind,
    /// What was run.
    pub plan: Plan,
    /// How it went.
    pub outcome: O,
}

/// Everything that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// Loads, each with every gate.
    pub gates: Vec<Finding>,
    /// Pools of which the limit has to be found.
    pub limits: Vec<Finding>,
    /// A burst, with clients that come back.
    pub bursts: Vec<Finding>,
}

impl Finding {
    /// The least and the most of the limit's means over ten seconds once the warm-up is over, as a share of the slots.
    #[must_use]
    pub fn limit_range(&self) -> (f64, f64) {
        let slots = f64::from(self.plan.slots_at(self.plan.seconds - 1)).max(1.0);
        let seconds = self.plan.warm_up as usize..self.plan.seconds as usize;
        let limits = self.outcome.limits(seconds).map(|limit| limit / slots);
        limits.fold((f64::INFINITY, 0.0), |(least, most), limit| (limit.min(least), limit.max(most)))
    }
}

impl Study {
    /// With this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { gates: gates(seed), limits: limits(seed), bursts: bursts(seed) }
    }

    /// Only the first so many runs of each part.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        for runs in [&mut self.gates, &mut self.limits, &mut self.bursts] {
            runs.truncate(count);
        }
        self
    }

    /// Requests of all its runs, about.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.gates.iter().chain(&self.limits).chain(&self.bursts).map(|run| run.plan.requests()).sum()
    }

    /// Runs it. `progress` is told what runs, and how much of [`Self::work`] is done.
    pub fn run(self, mut progress: impl FnMut(&str, u64)) -> Findings {
        let mut all = |runs: Vec<Finding<()>>| {
            let mut findings = Vec::new();
            for Finding { name, kind, plan, .. } in runs {
                progress(&format!("{NAME}: {name}, {}", kind.as_str()), 0);
                let outcome = run(&plan, kind);
                progress("", plan.requests());
                findings.push(Finding { name, kind, plan, outcome });
            }
            findings
        };
        Findings { gates: all(self.gates), limits: all(self.limits), bursts: all(self.bursts) }
    }
}

fn planned(name: impl Into<String>, kind: Kind, plan: Plan) -> Finding<()> {
    Finding { name: name.into(), kind, plan, outcome: () }
}

fn gates(seed: u64) -> Vec<Finding<()>> {
    let plan = |load| Plan { seed, load: vec![(0, load)], ..Plan::default() };
    let each = |load: f64| Kind::ALL.map(|kind| planned(format!("{load} x C"), kind, plan(load)));
    LOADS.into_iter().flat_map(each).collect()
}

fn limits(seed: u64) -> Vec<Finding<()>> {
    let mut runs = Vec::new();
    for slots in [8, 32] {
        for millis in [100, 500, 2_000, 5_000] {
            let generation = Duration::from_millis(millis);
            let plan = Plan { seed, slots, generation, load: vec![(0, 2.0)], ..Plan::default() };
            let special = [
                ("3 workers", plan.clone()),
                ("3, then 2", Plan { workers: vec![(0, 3), (30, 2)], warm_up: 40, ..plan.clone() }),
                ("2, then 4", Plan { workers: vec![(0, 2), (30, 4)], warm_up: 40, ..plan.clone() }),
                ("3, with reports", Plan { reports: true, ..plan.clone() }),
                ("3, two Envoys", Plan { envoys: 2, ..plan.clone() }),
                ("3, half of it streams", Plan { streamed: 50, ..plan.clone() }),
                ("3, nothing streams", Plan { streamed: 0, ..plan }),
            ];
            runs.extend(special.map(|(name, plan)| planned(name, Kind::Spillway, plan)));
        }
    }
    runs
}

fn bursts(seed: u64) -> Vec<Finding<()>> {
    let burst = Plan {
        seed,
        constant: false,
        load: vec![(0, 0.5), (30, 2.0), (40, 0.5)],
        seconds: 90,
        ..Plan::default()
    };
    let lasting = Plan { load: vec![(0, 0.5), (30, 2.0)], seconds: 150, ..burst.clone() };
    let mut runs = Vec::new();
    let returns = [
        ("as promised", Returns::AsPromised),
        ("all after 10 s", Returns::After(Duration::from_secs(10))),
        ("all after 1 s", Returns::After(Duration::from_secs(1))),
    ];
    for (name, plan) in [("10 s", burst), ("for good", lasting)] {
        for (when, returns) in returns {
            let plan = Plan { returns, ..plan.clone() };
            runs.push(planned(format!("{name}, {when}"), Kind::Spillway, plan));
        }
    }
    runs
}
