//! `cargo xtask test`: everything that passes or fails, counted.
//!
//! Stages run one after another and none stops the next, so that one run tells all that is wrong. A stage that ran
//! nothing failed: a filter that no longer builds or a folder that was renamed must not turn into silence.

mod counts;
mod outcome;
mod reasons;
mod stages;
mod stream;
mod table;

use crate::layout::Layout;
use crate::say;
use anyhow::Result;
use clap::{Args, ValueEnum};
use outcome::Outcome;

/// What is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The stages to run: all but lint and cache-tier-ceph where none is named
    #[arg(value_enum)]
    stages: Vec<Stage>,
    /// Arguments for the tests themselves, as after cargo test's own `--`: usually a part of a test's name
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// A part of the whole; set-up and build run where a stage needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The checks of `cargo xtask lint`
    Lint,
    /// Unit and property tests on this machine
    Native,
    /// The decisions once more, as wasm32 under Node.js
    Wasm,
    /// Both ways to build a filter: with rustup's target, and with Debian's toolchain
    Toolchains,
    /// Real Envoy, the built filters, real workers
    E2e,
    /// The cache tier's store tests once more, on a real Ceph: 70 MB to fetch, so only when it is asked for
    CacheTierCeph,
}

impl Options {
    fn has(&self, stage: Stage) -> bool {
        if self.stages.is_empty() {
            !matches!(stage, Stage::Lint | Stage::CacheTierCeph)
        } else {
            self.stages.contains(&stage)
        }
    }
}

/// Runs the stages; `true` if nothing failed.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<bool> {
    let arguments = options.arguments.as_slice();
    let mut outcomes = Vec::new();
    if options.has(Stage::Lint) {
        outcomes.push(stages::lint(layout));
    }
    if options.has(Stage::Native) || options.has(Stage::E2e) {
        outcomes.push(stages::setup(layout));
    }
    if options.has(Stage::Native) {
        outcomes.push(stages::native(layout, arguments));
    }
    if options.has(Stage::Wasm) {
        outcomes.push(stages::wasm(layout, arguments));
    }
    if options.has(Stage::Toolchains) && arguments.is_empty() {
        outcomes.push(stages::toolchains(layout));
    }
    if options.has(Stage::E2e) {
        let build = stages::build(layout);
        let is_built = build.failed == 0;
        outcomes.push(build);
        outcomes.push(if is_built { stages::e2e(layout, arguments) } else { Outcome::not_built("e2e") });
    }
    if options.has(Stage::CacheTierCeph) {
        outcomes.push(stages::cache_tier_ceph(layout));
    }
    if arguments.is_empty() {
        outcomes.iter_mut().for_each(Outcome::refuse_silence);
    }
    let total = Outcome::total(&outcomes, !arguments.is_empty());
    table::print(&outcomes);
    say::line(&total);
    Ok(total.failed == 0)
}
