//! Cargo's part of the build.

use super::filter::Filter;
use crate::command;
use crate::layout::Layout;
use crate::setup::wasm_toolchain::{TARGET, Toolchain};
use anyhow::Result;
use std::path::PathBuf;

/// The profile in the root Cargo.toml for what runs inside Envoy.
const PROFILE: &str = "filter";

/// Which of a filter's builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Shipped,
    /// With the test-only feature that panics on demand.
    Chaos,
}

/// Builds several filters in one call, so that what they share is built once.
pub(super) fn run(
    layout: &Layout,
    toolchain: Toolchain,
    filters: &[&Filter],
    variant: Variant,
) -> Result<()> {
    let mut cargo = toolchain.cargo(layout, "build");
    cargo.args(["--profile", PROFILE, "--lib"]);
    for filter in filters {
        cargo.args(["-p", &filter.package]);
        if variant == Variant::Chaos {
            cargo.args(["--features", &format!("{}/chaos", filter.package)]);
        }
    }
    command::run(&mut cargo)
}

/// The module as the linker left it.
pub(super) fn output(layout: &Layout, filter: &Filter) -> PathBuf {
    layout.wasm_target().join(TARGET).join(PROFILE).join(format!("{}.wasm", filter.library))
}
