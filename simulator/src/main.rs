//! `cargo xtask simulate`: runs scenarios, prints their tables and keeps them with a picture in `target/simulator/`.
#![allow(clippy::print_stdout, reason = "a simulation prints its tables")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use spillway_simulator::scenario::{NAMES, Scenario, Size};
use spillway_simulator::{cache, report, shedding};

/// Compares Spillway's decisions with other balancers in virtual time.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct Arguments {
    /// Which scenarios, comma-separated; all without it
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(names()))]
    scenario: Vec<String>,
    /// Seed of everything that is drawn: the same seed gives the same table
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Endpoints instead of each scenario's own number
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    endpoints: Option<u32>,
    /// Envoys instead of each scenario's own number
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    envoys: Option<u32>,
    /// Slots of an endpoint
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    slots: Option<u32>,
    /// Load in percent of what all endpoints can do
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=300))]
    load: Option<u16>,
    /// Seconds of virtual time, the first ten of which are not measured
    #[arg(long, value_parser = clap::value_parser!(u64).range(12..=100_000))]
    seconds: Option<u64>,
    /// Mean milliseconds from a slot to the first token
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    prefill_ms: Option<u32>,
    /// Mean milliseconds from the first token to the last
    #[arg(long)]
    decode_ms: Option<u32>,
    /// Seconds that an attempt may wait for a slot
    #[arg(long)]
    patience_s: Option<u64>,
    /// Milliseconds for which a load report is believed
    #[arg(long)]
    report_lasts_ms: Option<u64>,
    /// Endpoints that Spillway looks at per request
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=8))]
    candidates: Option<u8>,
    /// Requests of each trace of the scenario `cache`
    #[arg(long, default_value_t = 1_000_000)]
    requests: usize,
    /// Where tables and pictures are kept
    #[arg(long, default_value_os_t = default_folder())]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let size = Size {
        seed: arguments.seed,
        endpoints: arguments.endpoints,
        envoys: arguments.envoys,
        slots: arguments.slots,
        load: arguments.load.map(|percent| f64::from(percent) / 100.0),
        lasts: arguments.seconds.map(Duration::from_secs),
        prefill: arguments.prefill_ms.map(|millis| Duration::from_millis(millis.into())),
        decode: arguments.decode_ms.map(|millis| Duration::from_millis(millis.into())),
        patience: arguments.patience_s.map(Duration::from_secs),
        report_lasts: arguments.report_lasts_ms.map(Duration::from_millis),
        candidates: arguments.candidates.map(usize::from),
    };
    let is_wanted =
        |name: &str| arguments.scenario.is_empty() || arguments.scenario.iter().any(|wanted| wanted == name);
    let scenarios: Vec<Scenario> =
        NAMES.iter().filter(|name| is_wanted(name)).filter_map(|name| Scenario::named(name, &size)).collect();
    let study = is_wanted(cache::NAME).then(|| cache::Study::new(size.seed, arguments.requests));
    let sheds = is_wanted(shedding::NAME).then(|| shedding::Study::new(size.seed));
    let work = scenarios.iter().map(Scenario::work).sum::<u64>()
        + study.map_or(0, |study| study.work())
        + sheds.as_ref().map_or(0, shedding::Study::work);
    let bar = bar(work);
    let progress = |what: &str, done: u64| {
        bar.set_message(what.to_owned());
        bar.inc(done);
    };
    let show = |name: &str, table: &str, picture: &str| {
        bar.suspend(|| println!("{table}"));
        keep(&arguments.out, &format!("{name}.md"), table)?;
        keep(&arguments.out, &format!("{name}.svg"), picture)
    };
    for scenario in &scenarios {
        let rows = scenario.run(progress);
        show(scenario.name, &report::render(scenario, &rows), &report::draw(scenario, &rows)?)?;
    }
    if let Some(study) = study {
        let rows = study.run(progress);
        show(cache::NAME, &cache::render(&rows), &cache::draw(&rows)?)?;
    }
    if let Some(study) = sheds {
        let findings = study.run(progress);
        show(shedding::NAME, &shedding::render(&findings), &shedding::draw(&findings)?)?;
    }
    bar.finish_and_clear();
    println!("tables and pictures: {}", arguments.out.display());
    Ok(())
}

/// Scenarios that compare balancers, the one that needs no world, and the one that has a world of its own.
fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain([cache::NAME, shedding::NAME])
}

fn bar(work: u64) -> ProgressBar {
    let bar = ProgressBar::new(work);
    // The template is a constant; should it be refused, the default bar does.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent} % {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar
}

#[allow(clippy::disallowed_methods, reason = "the program writes what the library drew")]
fn keep(folder: &Path, name: &str, text: &str) -> Result<()> {
    let file = folder.join(name);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, text))
        .with_context(|| format!("{} cannot be written", file.display()))
}

fn default_folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).join("target/simulator")
}
