//! The README says what the program does.
//!
//! `SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-weights` writes the table of options anew.

use clap::{Args, Command};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use spillway_fixtures::options;
use spillway_weights::cli::CacheArgs;
use spillway_weights::counters::Counters;
use std::path::PathBuf;

fn readme() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

#[test]
fn the_table_of_options_is_current() {
    options::are_in(&readme(), &CacheArgs::augment_args(Command::new("spillway-weights")));
}

#[test]
fn every_metric_is_in_the_table() {
    let mut registry = Registry::with_prefix("spillway_worker");
    Counters::default().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains("# TYPE spillway_worker_weights_loads counter"), "{text}");
    options::metrics_are_in(&readme(), &text);
}
