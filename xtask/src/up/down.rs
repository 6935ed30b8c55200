//! `cargo xtask down`: ends what `up` started and nothing else.

use super::ports;
use super::state::{self, State};
use crate::layout::Layout;
use crate::say;
use anyhow::Result;
use clap::Args;
use std::time::Duration;

/// Longer than `up` itself takes to end everything.
const SUPERVISOR_PATIENCE: Duration = Duration::from_secs(40);
const PATIENCE: Duration = Duration::from_secs(8);

/// Which set-up.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The `--port-base` that `up` was given
    #[arg(long, default_value_t = ports::DEFAULT_BASE, value_parser = ports::base_range())]
    port_base: u16,
}

/// Ends it; that nothing runs is no error.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    let folder = state::folder(layout, options.port_base);
    let Some(state) = State::read(&folder)? else {
        say::step("down", "nothing", format_args!("runs on port {}", options.port_base));
        return Ok(());
    };
    if let Some(supervisor) = &state.supervisor {
        supervisor.ask_to_end();
        supervisor.is_gone_within(SUPERVISOR_PATIENCE);
    }
    for named in state.processes.iter().rev().filter(|named| named.process.is_alive()) {
        named.process.end(PATIENCE);
        say::step("down", &named.name, "ended");
    }
    State::remove(&folder);
    say::step("down", "done", format_args!("port {} is free", options.port_base));
    Ok(())
}
