//! `cargo xtask simulate`: the decisions in virtual time. It needs nothing but the simulator itself.

use crate::command::{cargo, run as run_command};
use crate::layout::Layout;
use anyhow::Result;
use clap::Args;

/// What the simulator is given.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Its own options; `-- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and runs it.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    let mut command = cargo();
    command.current_dir(layout.root()).args(["run", "--release", "-p", "spillway-simulator", "--"]);
    run_command(command.args(&options.arguments))
}
