//! Whether the limit is what the inference workers can do: after a cold start, with a worker less, and with it again.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::Options;
use super::picture;
use super::pool;
use super::proxy::Proxy;
use super::traffic::{Phase, Traffic};
use super::watch::{Look, watch};
use crate::bar::{self, Bar};
use crate::progress;
use crate::table::Table;

const EVERY: Duration = Duration::from_millis(500);
/// Of all workers' capacity.
const LOAD: f64 = 1.5;
/// From so long after a change on the limit must be right, in the mean over as long.
const SETTLES: Duration = Duration::from_secs(10);

/// How the limit is found.
struct Way {
    name: &'static str,
    config: fn() -> Value,
    /// How far it may be from what the workers can do.
    most: f64,
}

const WAYS: [Way; 2] = [
    Way { name: "load reports off", config: || json!({ "limit": { "report_lasts_ms": 0 } }), most: 0.15 },
    Way { name: "load reports on", config: || json!({}), most: 0.10 },
];

/// Measures, prints and keeps the table and the picture.
pub(super) async fn run(options: &Options) -> Result<()> {
    let each = SETTLES + SETTLES.max(Duration::from_secs(options.seconds));
    let progress = progress::steps(WAYS.len());
    let mut table = Table::new(
        format!(
            "The limit, in means over {} s, from {} s after each change on, at {LOAD} × C of all workers",
            SETTLES.as_secs(),
            SETTLES.as_secs()
        ),
        &["limit found", "workers", "their slots", "least mean", "greatest mean", "farthest from the slots"],
    );
    let (mut bars, mut lines) = (Vec::new(), Vec::new());
    for way in &WAYS {
        progress.set_message(way.name);
        let looks = measure(way, options, each).await?;
        let stages = [
            ("cold start", pool::WORKERS),
            ("one killed", pool::WORKERS - 1),
            ("started again", pool::WORKERS),
        ];
        for ((stage, workers), number) in stages.into_iter().zip(0..) {
            let slots = f64::from(workers * pool::SLOTS);
            let means = means(&looks, each * number + SETTLES, each * (number + 1));
            let least = means.iter().copied().fold(f64::INFINITY, f64::min);
            let most = means.iter().copied().fold(0.0, f64::max);
            let farthest = (most - slots).max(slots - least) / slots;
            table.row([
                way.name.to_owned(),
                format!("{workers}, {stage}"),
                slots.to_string(),
                format!("{least:.1}"),
                format!("{most:.1}"),
                format!("{:.1} %", 100.0 * farthest),
            ]);
            let what = format!("{}, {stage}: share by which the limit is off", way.name);
            bars.push(Bar::at_most(way.most, what, (!means.is_empty()).then_some(farthest)));
        }
        lines.push((way.name, looks.iter().map(|look| (look.at.as_secs_f64(), look.limit as f64)).collect()));
        progress.inc(1);
    }
    progress.finish_and_clear();
    table.publish("shedding-limit")?;
    let title = format!(
        "The limit; a worker is killed after {0} s and started again after {1} s",
        each.as_secs(),
        2 * each.as_secs()
    );
    picture::publish("shedding-limit", &title, ["seconds", "limit"], &lines)?;
    bar::print(&bars);
    Ok(())
}

async fn measure(way: &Way, options: &Options, each: Duration) -> Result<Vec<Look>> {
    let mut shedder = options.shedder.clone();
    if let (Some(all), Some(own)) = (shedder.as_object_mut(), (way.config)().as_object()) {
        all.extend(own.clone());
    }
    let mut spillway = Proxy::Spillway.start(&shedder).await;
    let mut worker = spillway.workers.remove(0);
    let traffic = Traffic::new(&[Phase { load: LOAD, lasts: each * 3 }], 4);
    let changes = async {
        tokio::time::sleep(each).await;
        worker.kill();
        tokio::time::sleep(each).await;
        worker.restart().await;
    };
    let (report, looks, ()) =
        tokio::join!(traffic.run(&spillway.client), watch(&spillway, EVERY, each * 3), changes);
    report?;
    spillway.end().await;
    Ok(looks)
}

/// The means of the limit over all spans of [`SETTLES`] within these times.
fn means(looks: &[Look], from: Duration, to: Duration) -> Vec<f64> {
    let within: Vec<_> = looks.iter().filter(|look| (from..to).contains(&look.at)).collect();
    let span = usize::try_from(SETTLES.as_millis() / EVERY.as_millis()).unwrap_or(1).min(within.len()).max(1);
    within
        .windows(span)
        .map(|looks| looks.iter().map(|look| look.limit as f64).sum::<f64>() / span as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_twenty_looks() {
        let look = |number: u32| Look { at: EVERY * number, limit: u64::from(number), ..Look::default() };
        let looks: Vec<_> = (0..60).map(look).collect();
        let means = means(&looks, Duration::from_secs(10), Duration::from_secs(20) + EVERY);
        assert_eq!(means, [29.5, 30.5]);
    }
}
