//! The README says what the program does.
//!
//! `SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-cache-tier` writes the table of options anew.

use crate::harness::{CacheTier, entry, key};
use clap::CommandFactory;
use spillway_cache_tier::cli::Args;
use spillway_fixtures::options;
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
    let folder = tempfile::tempdir().unwrap();
    let tier = CacheTier::start(&["--disk-dir", folder.path().to_str().unwrap()]);
    tier.store(&entry(1, 10));
    tier.get(&key(2));
    options::metrics_are_in(&readme(), &tier.get_path("/metrics").text());
}
