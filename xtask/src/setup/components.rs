//! rustfmt and clippy: rustup's minimal profile comes without them.

use super::step;
use crate::command::{cargo, run, succeeds};
use anyhow::{Context, Result};
use std::process::Command;

/// Both, for the toolchain in use.
pub(crate) fn ensure() -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if succeeds(cargo().args([subcommand, "--version"])) {
            continue;
        }
        step(component, "adding it to the toolchain");
        run(Command::new("rustup").args(["component", "add", component]))
            .with_context(|| format!("cargo {subcommand} is missing and rustup cannot add it"))?;
    }
    Ok(())
}
