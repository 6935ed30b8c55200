//! The command line.

use crate::layout::Layout;
use crate::{bench, build, lint, setup, simulate, test, up};
use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sets up, builds, runs and tests Spillway.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Fetches what is missing: the wasm32 target, Envoy, the default model, the test runner, Redis, an S3 stand-in
    Setup,
    /// Builds the filters into target/filters
    Build(build::Options),
    /// Starts workers and Envoy on loopback and runs until Ctrl-C
    Up(up::Options),
    /// Ends what `up` started
    Down(up::DownOptions),
    /// Runs everything that passes or fails
    Test(test::Options),
    /// Checks format, lints, documentation, licences and layering
    Lint,
    /// Runs a benchmark
    Bench(bench::Options),
    /// Compares the decisions with other balancers in virtual time
    Simulate(simulate::Options),
}

impl Cli {
    /// Does the job; `false` is a failure that has been told already.
    pub(crate) fn run(self) -> Result<bool> {
        let layout = Layout::find();
        match self.job {
            Job::Setup => setup::run(&layout).map(|()| true),
            Job::Build(options) => build::run(&layout, &options).map(|()| true),
            Job::Up(options) => up::run(&layout, &options).map(|()| true),
            Job::Down(options) => up::down(&layout, &options).map(|()| true),
            Job::Test(options) => test::run(&layout, &options),
            Job::Lint => lint::run(&layout),
            Job::Bench(options) => bench::run(&layout, &options).map(|()| true),
            Job::Simulate(options) => simulate::run(&layout, &options).map(|()| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
