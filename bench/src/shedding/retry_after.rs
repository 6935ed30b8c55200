//! When clients that were refused come back, and how they fare then.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use spillway_harness::load::{Report, Sample};

use super::Options;
use super::picture;
use super::pool::{self, is_answered, is_good};
use super::proxy::Proxy;
use super::traffic::{Phase, Traffic};
use crate::bar::{self, Bar};
use crate::progress;
use crate::table::Table;

const CALM_S: u64 = 30;
const BURST_S: u64 = 10;
const SUSTAINED_S: u64 = 45;
/// Who is told to come back later than this does not: so OpenAI's client has it.
const LONGEST: Duration = Duration::from_secs(60);
/// The first of these must not count: the limit is found in them.
const SETTLES_S: u64 = 10;

/// Measures, prints and keeps the tables and the picture.
pub(super) async fn run(options: &Options) -> Result<()> {
    let progress = progress::steps(usize::from(options.rounds) + 1);
    let mut bars = Vec::new();
    let head = [
        "round",
        "refused in the burst",
        "told to come back, s",
        "came back",
        "answered then",
        "refused again",
        "most arrivals in a second after the burst, of C",
    ];
    let mut table = Table::new(
        format!(
            "0.5 × C for {CALM_S} s, 2 × C for {BURST_S} s, 0.5 × C for {CALM_S} s; clients obey Retry-After once"
        ),
        &head,
    );
    for round in 0..options.rounds {
        progress.set_message("a burst");
        let spillway = Proxy::Spillway.start(&options.shedder).await;
        let phases = [Phase::new(0.5, CALM_S), Phase::new(2.0, BURST_S), Phase::new(0.5, CALM_S)];
        let traffic = Traffic { tries: 2, longest: LONGEST, ..Traffic::new(&phases, u64::from(round)) };
        let report = traffic.run(&spillway.client).await?;
        spillway.end().await;
        let burst = Burst::of(&report);
        table.row(burst.row(round));
        bars.push(Bar::at_least(0.9, "clients that succeed at their second try", burst.share()));
        bars.push(Bar::at_most(1.5, "most arrivals in a second after the burst ÷ C", Some(burst.most)));
        if round == 0 {
            draw(&report)?;
        }
        progress.inc(1);
    }
    progress.set_message("sustained");
    let (sustained, more) = sustained(options).await?;
    progress.finish_and_clear();
    table.publish("shedding-retry-after")?;
    sustained.publish("shedding-sustained")?;
    bars.extend(more);
    bar::print(&bars);
    Ok(())
}

/// What came of a burst.
struct Burst {
    refused: usize,
    told: [u64; 3],
    came: usize,
    answered: usize,
    again: usize,
    /// In capacities.
    most: f64,
}

impl Burst {
    fn of(report: &Report) -> Self {
        let [begins, ends] = [CALM_S, CALM_S + BURST_S].map(Duration::from_secs);
        let refused = |sample: &&Sample| {
            sample.attempt == 1 && sample.retry_after.is_some() && (begins..ends).contains(&sample.ended())
        };
        let refused: BTreeMap<u64, &Sample> =
            report.samples.iter().filter(refused).map(|sample| (sample.number, sample)).collect();
        let mut told: Vec<_> =
            refused.values().filter_map(|sample| sample.retry_after).map(|time| time.as_secs()).collect();
        told.sort_unstable();
        let at = |share: usize| told.get((told.len().saturating_sub(1)) * share / 2).copied().unwrap_or(0);
        let second = |sample: &&Sample| sample.attempt == 2 && refused.contains_key(&sample.number);
        let second: Vec<_> = report.samples.iter().filter(second).collect();
        let most = arrivals(report, |_| true)
            .into_iter()
            .filter(|(at, _)| *at >= ends.as_secs())
            .map(|(_, n)| n)
            .max();
        Self {
            refused: refused.len(),
            told: [at(0), at(1), at(2)],
            came: second.len(),
            answered: second.iter().filter(|sample| is_answered(sample)).count(),
            again: second.iter().filter(|sample| matches!(sample.status, 429 | 503)).count(),
            most: f64::from(most.unwrap_or(0)) / pool::capacity(),
        }
    }

    fn share(&self) -> Option<f64> {
        (self.came > 0).then(|| self.answered as f64 / self.came as f64)
    }

    fn row(&self, round: u16) -> [String; 7] {
        let [least, median, most] = self.told;
        [
            (round + 1).to_string(),
            self.refused.to_string(),
            format!("{least} to {most}, median {median}"),
            self.came.to_string(),
            self.answered.to_string(),
            self.again.to_string(),
            format!("{:.2}", self.most),
        ]
    }
}

/// Requests by the second in which they arrived.
fn arrivals(report: &Report, which: impl Fn(&Sample) -> bool) -> BTreeMap<u64, u32> {
    let mut by_second = BTreeMap::new();
    for sample in report.samples.iter().filter(|sample| which(sample)) {
        *by_second.entry(sample.began.as_secs()).or_default() += 1;
    }
    by_second
}

fn draw(report: &Report) -> Result<()> {
    let line = |which: fn(&Sample) -> bool| {
        arrivals(report, which)
            .into_iter()
            .map(|(at, count)| (at as f64, f64::from(count)))
            .collect::<Vec<_>>()
    };
    let lines = [
        ("arrivals", line(|_| true)),
        ("good answers", line(is_good)),
        ("second tries", line(|sample| sample.attempt == 2)),
    ];
    let title = "A burst of twice the capacity for ten seconds; clients come back when they are told to";
    picture::publish("shedding-retry-after", title, ["seconds", "requests a second"], &lines)
}

/// Twice the capacity, for longer.
async fn sustained(options: &Options) -> Result<(Table, Vec<Bar>)> {
    let spillway = Proxy::Spillway.start(&options.shedder).await;
    let at_capacity = Traffic::new(&[Phase::new(1.0, SETTLES_S + 15)], 5).run(&spillway.client).await?;
    let good = |report: &Report, from: u64, to: u64| {
        let within = Duration::from_secs(from)..Duration::from_secs(to);
        let good = report.samples.iter().filter(|sample| within.contains(&sample.began) && is_good(sample));
        good.count() as f64 / (to - from) as f64
    };
    let base = good(&at_capacity, SETTLES_S, SETTLES_S + 15);
    let traffic =
        Traffic { tries: 2, longest: LONGEST / 2, ..Traffic::new(&[Phase::new(2.0, SUSTAINED_S)], 6) };
    let report = traffic.run(&spillway.client).await?;
    spillway.end().await;
    let mut table = Table::new(
        format!("2 × C for {SUSTAINED_S} s; good answers a second at 1 × C before: {base:.1}"),
        &[
            "seconds",
            "arrivals a second",
            "good answers a second",
            "of those at 1 × C",
            "mean Retry-After, s",
        ],
    );
    let mut told = Vec::new();
    for from in (0..SUSTAINED_S).step_by(5) {
        let to = from + 5;
        let within = report.only(|sample| (from..to).contains(&sample.began.as_secs()));
        let waits: Vec<_> = within.samples.iter().filter_map(|sample| sample.retry_after).collect();
        let mean = waits.iter().sum::<Duration>().as_secs_f64() / waits.len().max(1) as f64;
        told.extend((!waits.is_empty()).then_some(mean));
        let rate = good(&report, from, to);
        table.row([
            format!("{from} to {to}"),
            format!("{:.0}", within.samples.len() as f64 / 5.0),
            format!("{rate:.1}"),
            format!("{:.3}", rate / base),
            format!("{mean:.1}"),
        ]);
    }
    let share = good(&report, SETTLES_S, SUSTAINED_S) / base;
    let grows = told.first().zip(told.last()).map(|(first, last)| last / first);
    let bars = vec![
        Bar::at_least(0.95, "good answers at a sustained 2 × C ÷ those at 1 × C", Some(share)),
        Bar::at_least(1.2, "mean Retry-After in the last 5 s ÷ that in the first 5 s", grows),
    ];
    Ok((table, bars))
}
