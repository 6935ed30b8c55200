//! What a program does before and after its work: it logs, and says how it ended.

use anyhow::{Context, Result};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Logs to standard error. `levels` is as in `RUST_LOG`; what `takes` does not take, by where in the source it comes
/// from, is left out whatever its level.
///
/// # Errors
/// When `levels` cannot be read; what is worth an `info` is logged then.
pub fn log(levels: &str, takes: fn(&str) -> bool) -> Result<()> {
    let levels = EnvFilter::builder().parse(levels);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter_fn(move |about| takes(about.target())));
    let or_info = levels.as_ref().map_or_else(|_| EnvFilter::new("info"), Clone::clone);
    tracing_subscriber::registry().with(or_info).with(lines).init();
    levels.context("--log").map(drop)
}

/// The exit code for that end, whose reason is logged if it is an error.
#[must_use]
pub fn exit_code(ended: &Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
