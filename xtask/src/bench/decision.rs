//! `cargo xtask bench decision`: what one choice costs by itself, with ten endpoints and with a thousand.
//!
//! Criterion measures it (`crates/routing/benches/choice.rs`); here its medians are compared.

use crate::command::{cargo, run as run_command};
use crate::layout::Layout;
use crate::say;
use anyhow::{Context, Result};
use std::path::Path;

/// What it is called on the command line.
pub(super) const NAME: &str = "decision";

const GROUPS: [&str; 2] = ["choice", "choice_with_affinity"];
const FEW: u32 = 10;
const MANY: u32 = 1_000;
const BAR: f64 = 1.5;

/// Measures and prints.
pub(super) fn run(layout: &Layout) -> Result<()> {
    let mut command = cargo();
    command.current_dir(layout.root()).args(["bench", "-p", "spillway-routing", "--bench", "choice"]);
    run_command(&mut command)?;
    let results = layout.root().join("target/criterion");
    for group in GROUPS {
        let [few, many] = [FEW, MANY].map(|endpoints| median(&results.join(group), endpoints));
        let (few, many) = (few?, many?);
        let word = if many / few <= BAR { "met" } else { "not met" };
        say::line(format_args!(
            "{group}: {few:.0} ns with {FEW} endpoints, {many:.0} ns with {MANY}; ratio {:.2}, bar ≤ {BAR}: {word}",
            many / few
        ));
    }
    Ok(())
}

/// Nanoseconds.
fn median(group: &Path, endpoints: u32) -> Result<f64> {
    let file = group.join(endpoints.to_string()).join("new/estimates.json");
    let text = std::fs::read_to_string(&file).with_context(|| format!("no result at {}", file.display()))?;
    let estimates: serde_json::Value = serde_json::from_str(&text)?;
    let median = estimates.pointer("/median/point_estimate").and_then(serde_json::Value::as_f64);
    median.with_context(|| format!("{} has no median", file.display()))
}
