//! How soon all is normal again after an overload, and how steady the ladder is while the load stays the same.

use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;
use spillway_harness::Spillway;

use super::Options;
use super::proxy::Proxy;
use super::traffic::{Phase, Traffic};
use super::watch::{loaded, until_normal};
use crate::bar::{self, Bar};
use crate::progress;
use crate::table::Table;

const EVERY: Duration = Duration::from_millis(100);
const OVERLOAD_S: u64 = 20;
const AFTER_S: u64 = 15;
/// At a new load the ladder may go to its new step within this.
const SETTLES: Duration = Duration::from_secs(10);

/// Loads that stay the same.
const LOADS: [f64; 4] = [0.5, 1.0, 2.0, 3.0];
/// Clients that wait for a second fill no queue: what is too much is refused when it comes, and the ladder has nothing to
/// do. Those that wait for a minute do.
const CLIENTS: [(&str, bool); 2] = [("wait for 1 s and say so", false), ("wait for 60 s", true)];

/// Measures, prints and keeps the tables.
pub(super) async fn run(options: &Options) -> Result<()> {
    let progress = progress::steps(CLIENTS.len() * (usize::from(options.rounds) + LOADS.len()));
    let spillway = Proxy::Spillway.start(&options.shedder).await;
    let mut bars = back_to_normal(&spillway, options, &progress).await?;
    bars.extend(steps(&spillway, options, &progress).await?);
    progress.finish_and_clear();
    spillway.end().await;
    bar::print(&bars);
    Ok(())
}

/// How soon all is normal when the load drops.
async fn back_to_normal(spillway: &Spillway, options: &Options, progress: &ProgressBar) -> Result<Vec<Bar>> {
    let mut table = Table::new(
        "From 3 × C to 0.5 × C: when the ladder is left, nobody waits and nobody was refused for a second",
        &["clients", "round", "step before", "waiting before", "limit before", "normal after, s"],
    );
    let mut bars = Vec::new();
    for (clients, is_patient) in CLIENTS {
        for round in 0..options.rounds {
            progress.set_message(format!("from 3 × C to 0.5 × C, clients that {clients}"));
            let phases = [Phase::new(3.0, OVERLOAD_S), Phase::new(0.5, AFTER_S)];
            let traffic = Traffic { is_patient, ..Traffic::new(&phases, u64::from(round)) };
            let (_, looks) = loaded(spillway, &traffic, EVERY).await?;
            let drops = Duration::from_secs(OVERLOAD_S);
            let normal = until_normal(&looks, drops).map(|time| time.as_secs_f64());
            let before = looks.iter().rfind(|look| look.at <= drops).copied().unwrap_or_default();
            table.row([
                clients.to_owned(),
                (round + 1).to_string(),
                before.step.to_string(),
                before.waiting.to_string(),
                before.limit.to_string(),
                normal.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.1}")),
            ]);
            let what = format!("seconds from overload back to normal, clients that {clients}");
            bars.push(Bar::at_most(5.0, what, normal));
            progress.inc(1);
        }
    }
    table.publish("shedding-recovery")?;
    Ok(bars)
}

/// How often the ladder's step changes at loads that stay the same.
async fn steps(spillway: &Spillway, options: &Options, progress: &ProgressBar) -> Result<Vec<Bar>> {
    let mut bars = Vec::new();
    let lasts = Duration::from_secs(options.seconds.max(30));
    let mut table = Table::new(
        format!(
            "Changes of the ladder's step in {} s of constant load, after {} s of it",
            lasts.as_secs(),
            SETTLES.as_secs()
        ),
        &["clients", "load", "changes", "a minute", "steps seen", "highest waiting"],
    );
    for (clients, is_patient) in CLIENTS {
        for load in LOADS {
            progress.set_message(format!("steps at {load} × C, clients that {clients}"));
            let traffic =
                Traffic { is_patient, ..Traffic::new(&[Phase { load, lasts: SETTLES + lasts }], 9) };
            let (_, looks) = loaded(spillway, &traffic, EVERY * 5).await?;
            let looks: Vec<_> = looks.into_iter().filter(|look| look.at >= SETTLES).collect();
            let (Some(first), Some(last)) = (looks.first(), looks.last()) else { continue };
            let changes = last.step_changes - first.step_changes;
            let a_minute = changes as f64 * 60.0 / (last.at - first.at).as_secs_f64();
            let mut steps: Vec<_> = looks.iter().map(|look| look.step).collect();
            steps.sort_unstable();
            steps.dedup();
            let waiting = looks.iter().map(|look| look.waiting).max().unwrap_or(0);
            table.row([
                clients.to_owned(),
                format!("{load} × C"),
                changes.to_string(),
                format!("{a_minute:.1}"),
                format!("{steps:?}"),
                waiting.to_string(),
            ]);
            let what = format!("changes of the step a minute at {load} × C, clients that {clients}");
            bars.push(Bar::at_most(2.99, what, Some(a_minute)));
            progress.inc(1);
        }
    }
    table.publish("shedding-steps")?;
    Ok(bars)
}
