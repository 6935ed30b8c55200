//! `cargo xtask bench`: everything that a benchmark needs, then the benchmark.

mod decision;

use crate::command::{cargo, run as run_command};
use crate::layout::Layout;
use crate::parts::Parts;
use crate::{build, say};
use anyhow::Result;
use clap::Args;

/// Which benchmark.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Its name: overhead, routing, cache, shedding, worker, decision
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
    build::run(layout, &build::Options { unpruned: true, ..build::Options::default() })?;
    let parts = Parts::ensure(layout)?;
    let mut command = cargo();
    command.current_dir(layout.root()).args(["run", "--release", "-p", "spillway-bench", "--"]);
    command.arg(&options.name).args(&options.arguments);
    parts.tell(&mut command);
    say::step("bench", &options.name, "running");
    run_command(&mut command)
}
