//! What the weights cache brings: from nowhere to weights that are verified and mapped, by the disk of the machine and by a
//! store behind a slow line; and how often a storm of restarts reads that store.
//!
//! Each load is a process of its own, and its time is what it says itself, from its start on. Nothing is dropped from the
//! operating system's cache of files: what was just fetched or read is in memory, as it is when workers are restarted.

mod machine;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use machine::{Machine, Store};
use spillway_fixtures::{ObjectStore, Proxy};

use crate::bar::{self, Bar};
use crate::figures::{figures, median};
use crate::progress;
use crate::table::Table;

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Loads of each kind, in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// What the line to the store carries, in MB a second
    #[arg(long, default_value_t = 25.0)]
    line_mb_per_s: f64,
    /// From a question to the first byte of its answer, in milliseconds
    #[arg(long, default_value_t = 100)]
    first_byte_ms: u64,
    /// Workers that restart at the same time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// How often they restart
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    restarts: u16,
}

/// Measures, prints and keeps the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    let kind = std::env::var("SPILLWAY_S3_ENDPOINT").map_or("moto, a stand-in", |_| "Ceph's RGW");
    let file = std::env::var_os("SPILLWAY_MODEL").context("SPILLWAY_MODEL names no model")?;
    let objects = ObjectStore::start();
    let line = Duration::from_millis(options.first_byte_ms);
    let proxy = Proxy::slow(objects.address(), options.line_mb_per_s * 1e6, line);
    let store = Store::new(&objects, proxy.address());
    let bytes = store.publish(&file)?;
    println!(
        "{kind}, {} MB/s, {} ms to the first byte; a file of {bytes} bytes",
        options.line_mb_per_s, options.first_byte_ms
    );
    compare(options, &store)?;
    storm(options, &store, &proxy, bytes)
}

/// The same file, from the store and from the disk, in turn.
fn compare(options: &Options, store: &Store) -> Result<()> {
    let bar = progress::steps(2 * usize::from(options.rounds));
    let (mut from_store, mut from_disk, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let machine = Machine::new()?;
        bar.set_message("from the store");
        let far = machine.pull(store)?.ended()?;
        bar.inc(1);
        bar.set_message("from the disk");
        let near = machine.pull(store)?.ended()?;
        bar.inc(1);
        ensure!((far.tier.as_str(), near.tier.as_str()) == ("store", "disk"), "{far:?} {near:?}");
        ratios.push(far.seconds / near.seconds);
        from_store.push(far.seconds);
        from_disk.push(near.seconds);
    }
    bar.finish_and_clear();
    let mut table = Table::new("Until weights are verified and mapped", &["from", "seconds", "times faster"]);
    table.row(["store".to_owned(), figures(&from_store, 3), "1".to_owned()]);
    table.row(["disk".to_owned(), figures(&from_disk, 3), figures(&ratios, 1)]);
    table.publish("weights-load")?;
    bar::print(&[Bar::at_least(20.0, "times faster from the disk than from the store", median(&ratios))]);
    Ok(())
}

/// Workers that all start at once, again and again, on a machine that begins with nothing.
fn storm(options: &Options, store: &Store, proxy: &Proxy, bytes: u64) -> Result<()> {
    let machine = Machine::new()?;
    let before = proxy.answered_bytes();
    let bar = progress::steps(usize::from(options.restarts));
    let mut loads = Vec::new();
    for _ in 0..options.restarts {
        let started: Result<Vec<_>> = (0..options.workers).map(|_| machine.pull(store)).collect();
        for load in started? {
            loads.push(load.ended()?);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let of = |tier: &str| loads.iter().filter(|load| load.tier == tier).count();
    let (from_store, all) = (of("store"), loads.len());
    let read = (proxy.answered_bytes() - before) as f64 / bytes as f64;
    let mut table = Table::new(
        format!("A storm of restarts: {} workers, {} times", options.workers, options.restarts),
        &["loads", "from the store", "from the disk", "read from the store, in files"],
    );
    table.row([all.to_string(), from_store.to_string(), of("disk").to_string(), format!("{read:.3}")]);
    table.publish("weights-storm")?;
    bar::print(&[
        Bar::at_most(1.0, "loads from the store", Some(from_store as f64)),
        Bar::at_least(0.99, "share of loads that need no store", Some(1.0 - from_store as f64 / all as f64)),
    ]);
    Ok(())
}
