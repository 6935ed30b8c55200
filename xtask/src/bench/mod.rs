//! `cargo xtask bench`: everything that a benchmark needs, then the benchmark.

mod decision;
mod weights;
mod worker;

use crate::command::{cargo, run as run_command};
use crate::layout::Layout;
use crate::parts::Parts;
use crate::{build, say};
use anyhow::Result;
use clap::Args;
use std::process::Command;

/// Which benchmark.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Its name: overhead, routing, cache, shedding, worker, weights, decision
    name: String,
    /// What it is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and runs it.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    if options.name == decision::NAME {
        return decision::run(layout);
    }
    if options.name == weights::NAME {
        return weights::run(layout, &options.arguments);
    }
    build::run(layout, &build::Options { unpruned: true, ..build::Options::default() })?;
    let parts = Parts::ensure(layout)?;
    let mut command = benchmark(layout, &options.name, &options.arguments);
    parts.tell(&mut command);
    if options.name == worker::NAME {
        worker::tell(layout, &options.arguments, &mut command);
    }
    say::step("bench", &options.name, "running");
    run_command(&mut command)
}

/// Has cargo build and run a benchmark.
fn benchmark(layout: &Layout, name: &str, arguments: &[String]) -> Command {
    let mut command = cargo();
    command.current_dir(layout.root()).args(["run", "--release", "-p", "spillway-bench", "--"]);
    command.arg(name).args(arguments);
    command
}
