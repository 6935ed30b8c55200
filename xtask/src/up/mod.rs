//! `cargo xtask up` and `down`: Spillway on this machine's loopback, from nothing to "ready", and back to nothing.
//!
//! Everything that is started is ended again, by process id, whatever ends this program short of a SIGKILL; what a
//! SIGKILL leaves, and what `--detach` leaves on purpose, is written down for `down`.

mod children;
mod config;
mod down;
mod hello;
mod ports;
mod process;
mod ready;
mod running;
mod signals;
mod start;
mod state;
mod taken;

pub(crate) use down::{Options as DownOptions, run as down};

use crate::build;
use crate::layout::Layout;
use crate::parts;
use crate::say;
use crate::setup::envoy;
use anyhow::Result;
use clap::{Args, ValueEnum};
use ports::Ports;
use running::Outcome;
use start::{Models, Plan};

/// What is started and where.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many inference workers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// What answers: the default language model, or a simulation of one for load tests
    #[arg(long, value_enum, default_value_t = Engine::Model)]
    engine: Engine,
    /// Envoy's own worker threads
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    envoy_workers: u16,
    /// Returns when all is ready and leaves it running; `cargo xtask down` ends it
    #[arg(long)]
    detach: bool,
    /// The API's port. Every other port moves by the same distance
    #[arg(long, default_value_t = ports::DEFAULT_BASE, value_parser = ports::base_range())]
    port_base: u16,
}

/// What answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Model,
    Simulated,
}

impl Engine {
    fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Simulated => "simulated",
        }
    }
}

/// Starts everything and stays until it is told to stop, or returns when all is ready with `--detach`.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    let ports = Ports::at(options.port_base, options.workers);
    // Before the build, which may take minutes, and again by `start`.
    state::refuse_second(layout, options.port_base)?;
    taken::refuse(&ports)?;

    build::run(layout, &build::Options::default())?;
    let plan = Plan {
        ports: &ports,
        folder: state::folder(layout, options.port_base),
        filters: layout.filters(),
        envoy: envoy::ensure(layout)?,
        envoy_workers: options.envoy_workers,
        worker: parts::worker(layout)?,
        cache_tier: parts::cache_tier(layout)?,
        engine: options.engine,
        models: (options.engine == Engine::Model).then(|| Models::ensure(layout)).transpose()?,
        detach: options.detach,
    };

    let stop = signals::register()?;
    let mut children = children::Children::default();
    let ended = match start::start(&plan, options.port_base, &stop, &mut children) {
        Ok(Outcome::Ready) if options.detach => {
            state::State::of(options.port_base, &children, false).write(&plan.folder)?;
            children.leave();
            hello::print(&ports, &plan.folder, hello::End::Down(options.port_base));
            return Ok(());
        }
        Ok(Outcome::Ready) => {
            hello::print(&ports, &plan.folder, hello::End::CtrlC);
            running::watch(&mut children, &stop)
        }
        Ok(Outcome::Stopped) => Ok(()),
        Err(error) => Err(error),
    };
    say::step("up", "ending", "Envoy, then the others");
    children.end();
    state::State::remove(&plan.folder);
    ended
}
