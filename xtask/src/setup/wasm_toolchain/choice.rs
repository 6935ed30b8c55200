//! The decision between the two toolchains, apart from the machine that it is taken on.

use super::Toolchain;
use crate::setup::step;
use anyhow::{Context, Result};

/// What the decision may ask of a machine.
pub(super) trait Ways {
    /// Whether the Rust toolchain in use has the target.
    fn has_target(&self) -> bool;
    /// Asks rustup for the target.
    fn add_target(&mut self) -> Result<()>;
    /// Whether all of Debian's packages are installed.
    fn debian_is_here(&self) -> bool;
    /// Asks apt for them.
    fn install_debian(&mut self) -> Result<()>;
    /// What was chosen the last time.
    fn noted(&self) -> Option<Toolchain>;
    /// Writes down what was chosen.
    fn note(&mut self, chosen: Toolchain);
}

/// A forced toolchain is used or the set-up fails. Otherwise rustup's is preferred: it needs no standard library
/// built from source.
pub(super) fn choose(forced: Option<Toolchain>, ways: &mut dyn Ways) -> Result<Toolchain> {
    match forced {
        Some(Toolchain::Rustup) => rustup(ways).map(|()| Toolchain::Rustup),
        Some(Toolchain::Debian) => debian(ways).map(|()| Toolchain::Debian),
        None => {
            let chosen = prefer_rustup(ways)?;
            if ways.noted() != Some(chosen) {
                ways.note(chosen);
            }
            Ok(chosen)
        }
    }
}

fn prefer_rustup(ways: &mut dyn Ways) -> Result<Toolchain> {
    if ways.has_target() {
        return Ok(Toolchain::Rustup);
    }
    if ways.noted() == Some(Toolchain::Debian) && ways.debian_is_here() {
        return Ok(Toolchain::Debian);
    }
    match rustup(ways) {
        Ok(()) => Ok(Toolchain::Rustup),
        Err(error) => {
            step("wasm32", format_args!("not from rustup ({error:#}); taking Debian's toolchain"));
            debian(ways)?;
            Ok(Toolchain::Debian)
        }
    }
}

fn rustup(ways: &mut dyn Ways) -> Result<()> {
    if ways.has_target() { Ok(()) } else { ways.add_target().context("rustup cannot add the target") }
}

fn debian(ways: &mut dyn Ways) -> Result<()> {
    if ways.debian_is_here() { Ok(()) } else { ways.install_debian() }
}
