//! `cargo xtask`: everything that is done to Spillway rather than by it.
//!
//! One program instead of a folder of scripts, so that set-up, build, test and the local set-up share one idea of
//! where things lie, run the same on every machine and are tested themselves. It does not deploy anything.

mod bench;
mod build;
mod cli;
mod command;
mod layout;
mod lint;
mod packages;
mod parts;
mod say;
mod setup;
mod simulate;
mod test;
mod up;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}
