//! Debian's Rust for the web: no target of its own, so the standard library is built from its source package.

use super::TARGET;
use crate::command::is_program;
use crate::setup::apt;
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const PROGRAMS: &[&str] = &["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld-22"];
const SOURCE: &str = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

/// Whether all of it is installed.
pub(super) fn is_here() -> bool {
    PROGRAMS.iter().all(|program| is_program(Path::new(program))) && Path::new(SOURCE).is_file()
}

/// Asks apt for it.
pub(super) fn install() -> Result<()> {
    apt::install(PACKAGES, "a Rust toolchain for wasm32")?;
    if !is_here() {
        bail!("{} are installed but hold no Rust with its source", PACKAGES.join(" "));
    }
    Ok(())
}

/// Debian's cargo with Debian's rustc: `/usr/bin/cargo` alone would find rustup's `rustc` first.
pub(super) fn cargo() -> Command {
    let mut path = OsString::from("/usr/bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("/usr/bin/cargo");
    command.stdin(Stdio::null()).env("PATH", path).env("RUSTC_BOOTSTRAP", "1");
    command.env(format!("CARGO_TARGET_{}_LINKER", TARGET.replace('-', "_").to_uppercase()), "wasm-ld-22");
    // What rustup and the cargo that runs xtask leave in the environment belongs to their toolchain.
    for name in ["CARGO", "LD_LIBRARY_PATH", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

/// What is built from source: tests are linked with libtest too.
pub(super) fn build_std(subcommand: &str) -> &'static str {
    if subcommand == "test" { "-Zbuild-std=std,panic_abort,test" } else { "-Zbuild-std=std,panic_abort" }
}
