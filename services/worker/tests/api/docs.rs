//! The README says what the program does.
//!
//! `SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-worker` writes the table of options anew.

use crate::harness::{Worker, get};
use clap::CommandFactory;
use spillway_fixtures::options;
use spillway_worker::cli::Args;
use std::path::PathBuf;

fn readme() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

#[test]
fn the_table_of_options_is_current() {
    options::are_in(&readme(), &Args::command());
}

#[test]
fn every_metric_is_in_the_table() {
    let worker = Worker::default().start();
    options::metrics_are_in(&readme(), &get(worker.address, "/metrics").text());
}
