//! Set-up: what a fresh checkout lacks, fetched or installed once, each thing in a file of its own.
//!
//! Every step first looks whether there is anything to do, so that `up`, `build` and `test` can call it each time.
//! Whatever is fetched is pinned by version and, where it is not built from source, by its SHA-256.

mod apt;
pub(crate) mod cargo_deny;
mod cargo_install;
pub(crate) mod ceph;
pub(crate) mod components;
pub(crate) mod embedding_model;
pub(crate) mod envoy;
mod envoy_version;
pub(crate) mod llama_cpp;
pub(crate) mod model;
pub(crate) mod moto;
pub(crate) mod node;
mod packaged;
mod progress;
mod python;
pub(crate) mod redis;
pub(crate) mod wasm_bindgen;
pub(crate) mod wasm_toolchain;
mod wheel;

use crate::layout::Layout;
use anyhow::Result;

/// Everything that `build`, `up` and `test` need.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    wasm_toolchain::ensure(layout)?;
    envoy::ensure(layout)?;
    model::ensure(layout)?;
    embedding_model::ensure(layout)?;
    wasm_bindgen::ensure(layout)?;
    redis::ensure()?;
    moto::ensure(layout)?;
    Ok(())
}

fn step(what: &str, outcome: impl std::fmt::Display) {
    crate::say::step("setup", what, outcome);
}
