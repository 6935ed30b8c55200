//! The checks of Rust's own tools. Warnings are errors here and nowhere else: work in progress may warn.

use crate::command::{cargo, run};
use crate::layout::Layout;
use crate::packages::names_in;
use crate::setup::{components, wasm_toolchain};
use anyhow::Result;
use cargo_metadata::Package;
use std::process::Command;

/// All that is not a service.
const LIGHT: &[&str] = &["crates", "filters", "envoy", "tests", "bench", "simulator", "xtask"];
const SERVICES: &[&str] = &["services"];

/// These pages are for people who read the source: a link to a private item helps them.
const RUSTDOC: &str = "-D warnings -A rustdoc::private_intra_doc_links";

pub(super) fn format(layout: &Layout) -> Result<bool> {
    components::ensure()?;
    run(in_root(layout, "fmt").args(["--all", "--check"]))?;
    // A workspace of its own; rustfmt needs nothing that it takes to build.
    run(in_root(layout, "fmt").args(["--check", "--manifest-path", "bench/llama-cpp/Cargo.toml"]))
        .map(|()| true)
}

pub(super) fn clippy(layout: &Layout, members: &[Package]) -> Result<bool> {
    let mut command = in_root(layout, "clippy");
    command.arg("--all-targets");
    clippy_on(&mut command, &names_in(layout, members, LIGHT))
}

/// With `--release`, whose artefacts of their many dependencies are there already.
pub(super) fn clippy_services(layout: &Layout, members: &[Package]) -> Result<bool> {
    let mut command = in_root(layout, "clippy");
    command.args(["--all-targets", "--release"]);
    clippy_on(&mut command, &names_in(layout, members, SERVICES))
}

/// What is compiled for wasm32 alone is seen only there. Debian's toolchain comes without a clippy of its version.
pub(super) fn clippy_wasm(layout: &Layout, members: &[Package]) -> Result<bool> {
    let toolchain = wasm_toolchain::ensure(layout)?;
    if toolchain != wasm_toolchain::Toolchain::Rustup {
        return Ok(false);
    }
    clippy_on(&mut toolchain.cargo(layout, "clippy"), &names_in(layout, members, &["crates", "filters"]))
}

pub(super) fn documentation(layout: &Layout, members: &[Package]) -> Result<bool> {
    for (parts, profile) in [(LIGHT, "--profile=dev"), (SERVICES, "--release")] {
        let mut command = in_root(layout, "doc");
        command.args(["--no-deps", "--document-private-items", profile]).env("RUSTDOCFLAGS", RUSTDOC);
        add_packages(&mut command, &names_in(layout, members, parts));
        run(&mut command)?;
    }
    Ok(true)
}

fn clippy_on(command: &mut Command, packages: &[&str]) -> Result<bool> {
    add_packages(command, packages);
    run(command.args(["--", "-D", "warnings"])).map(|()| true)
}

fn in_root(layout: &Layout, subcommand: &str) -> Command {
    let mut command = cargo();
    command.current_dir(layout.root()).arg(subcommand);
    command
}

fn add_packages(command: &mut Command, packages: &[&str]) {
    for package in packages {
        command.args(["-p", package]);
    }
}
