//! Load that changes: one rate after the other, on one clock.

use std::time::Duration;

use anyhow::Result;
use spillway_harness::Client;
use spillway_harness::load::{Arrivals, Load, Patience, Report, Until};
use tokio::task::JoinSet;

use super::pool;

/// More than any phase has. Each client has a number of its own, from which its level follows.
const CLIENTS: u64 = 1_000_000;

/// A rate and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    /// In capacities.
    pub(super) load: f64,
    pub(super) lasts: Duration,
}

impl Phase {
    pub(super) const fn new(load: f64, seconds: u64) -> Self {
        Self { load, lasts: Duration::from_secs(seconds) }
    }
}

/// Load in phases.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    pub(super) phases: Vec<Phase>,
    pub(super) seed: u64,
    /// How often a client tries that is refused and told when to come back.
    pub(super) tries: u32,
    /// If that is not later.
    pub(super) longest: Duration,
    /// Whether clients wait for long, and do not say so.
    pub(super) is_patient: bool,
}

impl Traffic {
    pub(super) fn new(phases: &[Phase], seed: u64) -> Self {
        Self { phases: phases.to_vec(), seed, tries: 1, longest: Duration::ZERO, is_patient: false }
    }

    /// Makes it, and waits for the last answer. Times are from the start of the first phase, and clients
    /// are numbered through all of them.
    pub(super) async fn run(&self, client: &Client) -> Result<Report> {
        let start = tokio::time::Instant::now();
        let (mut tasks, mut begins) = (JoinSet::new(), Duration::ZERO);
        for (seed, phase) in (self.seed * 1_000..).zip(&self.phases) {
            let first = seed * CLIENTS;
            let load = self.load(client, (seed, first), *phase);
            tasks.spawn(async move {
                tokio::time::sleep_until(start + begins).await;
                (first, begins, load.run().await)
            });
            begins += phase.lasts;
        }
        let mut all = Report::default();
        while let Some(done) = tasks.join_next().await {
            let (first, began, mut report) = done?;
            for sample in &mut report.samples {
                sample.number += first;
                sample.began += began;
            }
            all.samples.append(&mut report.samples);
        }
        all.took = start.elapsed();
        Ok(all)
    }

    fn load(&self, client: &Client, (seed, first): (u64, u64), phase: Phase) -> Load {
        let arrivals = Arrivals::Open { per_second: phase.load * pool::capacity(), seed };
        let says = !self.is_patient;
        let patience = if says { pool::PATIENCE } else { pool::LONG_PATIENCE };
        let make = move |number| pool::request(first + number, says);
        Load::new(client, arrivals, Until::Elapsed(phase.lasts), make)
            .leaving(move |_| Patience::Leaves(patience))
            .obeying(self.tries, self.longest)
    }
}
