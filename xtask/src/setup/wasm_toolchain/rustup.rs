//! The target of the Rust toolchain in use, and asking rustup for it.

use super::TARGET;
use crate::command::{capture, find_in};
use crate::setup::step;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Whether `rustc` has the target's standard library, whoever installed it.
pub(super) fn has_target(path: &OsStr) -> bool {
    let Some(rustc) = find_in(path, "rustc") else { return false };
    let mut command = Command::new(rustc);
    command.env("PATH", path).args(["--print", "target-libdir", "--target", TARGET]);
    capture(&mut command).is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// `rustup target add`, with what it said as the error.
pub(super) fn add_target(path: &OsStr) -> Result<()> {
    let rustup = find_in(path, "rustup").context("there is no rustup on the PATH")?;
    step("wasm32", format_args!("rustup target add {TARGET}"));
    capture(Command::new(rustup).env("PATH", path).args(["target", "add", TARGET])).map(drop)
}
