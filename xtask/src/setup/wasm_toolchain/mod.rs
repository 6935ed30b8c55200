//! What builds for wasm32-unknown-unknown: the machine's own toolchain, or Debian's.
//!
//! Where rustup can add the target that is all. Where it cannot (a locked-down build machine without a way to the
//! toolchain's host), Debian's `rustc-web` builds the standard library from source. Which one it became is written
//! down, so that a machine without that way does not wait for rustup's time-out at every start.

mod choice;
mod debian;
mod rustup;

use super::step;
use crate::command::cargo;
use crate::layout::Layout;
use anyhow::{Context, Result};
use choice::Ways;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The only target of a filter: it imports nothing from WASI, so a module loads in every proxy-wasm host.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Forces one of the two: `rustup` or `debian`.
const FORCE: &str = "SPILLWAY_WASM_TOOLCHAIN";

/// What builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The cargo that runs xtask, with the target installed.
    Rustup,
    /// Debian's packages, with the standard library built from source.
    Debian,
}

impl Toolchain {
    /// Both ways; the one that is preferred last.
    pub(crate) const ALL: [Self; 2] = [Self::Debian, Self::Rustup];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        match word {
            "rustup" => Ok(Self::Rustup),
            "debian" => Ok(Self::Debian),
            other => anyhow::bail!("{FORCE} is {other:?}; it may be \"rustup\" or \"debian\""),
        }
    }

    /// A cargo call for wasm32, up to and with the target and what the standard library needs.
    pub(crate) fn cargo(self, layout: &Layout, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Rustup => cargo(),
            Self::Debian => debian::cargo(),
        };
        command.current_dir(layout.root()).arg(subcommand).args(["--target", TARGET]);
        command.arg("--target-dir").arg(layout.wasm_target());
        if self == Self::Debian {
            command.arg(debian::build_std(subcommand));
        }
        command
    }
}

/// Chooses and, if need be, installs.
pub(crate) fn ensure(layout: &Layout) -> Result<Toolchain> {
    let forced = match std::env::var(FORCE) {
        Ok(word) if !word.is_empty() => Some(Toolchain::parse(&word)?),
        _ => None,
    };
    take(layout, forced)
}

/// Installs the one that is forced if need be, or chooses.
pub(crate) fn take(layout: &Layout, forced: Option<Toolchain>) -> Result<Toolchain> {
    let note = layout.tools().join("wasm-toolchain");
    let mut machine = Machine { path: std::env::var_os("PATH").unwrap_or_default(), note };
    let chosen =
        choice::choose(forced, &mut machine).with_context(|| format!("no toolchain for {TARGET}"))?;
    let outcome = match (chosen, forced) {
        (Toolchain::Rustup, None) => "installed target of the Rust toolchain",
        (Toolchain::Rustup, Some(_)) => "installed target of the Rust toolchain (forced)",
        (Toolchain::Debian, None) => "Debian's rustc-web, standard library from source",
        (Toolchain::Debian, Some(_)) => "Debian's rustc-web, standard library from source (forced)",
    };
    step("wasm32", outcome);
    Ok(chosen)
}

/// This machine, as seen through one PATH.
struct Machine {
    path: OsString,
    note: PathBuf,
}

impl Ways for Machine {
    fn has_target(&self) -> bool {
        rustup::has_target(&self.path)
    }

    fn add_target(&mut self) -> Result<()> {
        rustup::add_target(&self.path)
    }

    fn debian_is_here(&self) -> bool {
        debian::is_here()
    }

    fn install_debian(&mut self) -> Result<()> {
        debian::install()
    }

    fn noted(&self) -> Option<Toolchain> {
        Toolchain::parse(std::fs::read_to_string(&self.note).ok()?.trim()).ok()
    }

    fn note(&mut self, chosen: Toolchain) {
        // Only a shortcut: without it the next start asks rustup again.
        drop(self.note.parent().map(std::fs::create_dir_all));
        drop(std::fs::write(&self.note, chosen.as_str()));
    }
}

#[cfg(test)]
mod tests;
