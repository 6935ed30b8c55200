//! `cargo xtask build`: from the workspace's filter packages to the modules that Envoy loads.
//!
//! A module's exports decide which callbacks Envoy makes at all, and the SDK exports every one: what a filter does
//! not implement is removed after linking, which takes away up to half of what a chain of filters costs.

mod abi;
mod compile;
mod exports;
mod filter;
mod imports;
mod module;
mod table;

use crate::layout::Layout;
use crate::packages;
use crate::setup::wasm_toolchain::{self, Toolchain};
use anyhow::{Result, bail};
use clap::Args;
use compile::Variant;
use filter::Filter;
use std::path::{Path, PathBuf};
use table::Row;

/// What is built beside the filters as they are shipped.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Also writes the modules with all their exports, into target/filters/unpruned
    #[arg(long)]
    pub(crate) unpruned: bool,
    /// Also builds the test-only variants that panic on demand, into target/filters/chaos
    #[arg(long)]
    pub(crate) chaos: bool,
}

/// Builds and prints the sizes.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    let filters = filter::of_workspace(&packages::members(layout)?)?;
    if filters.is_empty() {
        bail!("the workspace holds no filter: no package lists callbacks in [package.metadata.spillway]");
    }
    let toolchain = wasm_toolchain::ensure(layout)?;
    let mut rows = Vec::new();

    // First what only tests load: cargo keeps one linked module per package, and the next `up` shall find its own.
    let chaos: Vec<&Filter> = filters.iter().filter(|filter| options.chaos && filter.chaos).collect();
    if !chaos.is_empty() {
        compile::run(layout, toolchain, &chaos, Variant::Chaos)?;
        rows.extend(finish_all(layout, &chaos, &layout.filters().join("chaos"), true)?);
    }

    let all: Vec<&Filter> = filters.iter().collect();
    compile::run(layout, toolchain, &all, Variant::Shipped)?;
    rows.extend(finish_all(layout, &all, &layout.filters(), true)?);
    if options.unpruned {
        rows.extend(finish_all(layout, &all, &layout.filters().join("unpruned"), false)?);
    }
    table::print(&rows);
    Ok(())
}

/// Builds the smallest filter with one toolchain and finishes it, to see that this toolchain can.
pub(crate) fn smallest(layout: &Layout, toolchain: Toolchain) -> Result<()> {
    let filters = filter::of_workspace(&packages::members(layout)?)?;
    let Some(filter) = filters.iter().find(|filter| filter.folder.starts_with("empty-")) else {
        bail!("the workspace holds no empty filter");
    };
    compile::run(layout, toolchain, &[filter], Variant::Shipped)?;
    finish_all(layout, &[filter], &layout.filters().join(toolchain.as_str()), true).map(|_| ())
}

fn finish_all(layout: &Layout, filters: &[&Filter], folder: &Path, prune: bool) -> Result<Vec<Row>> {
    std::fs::create_dir_all(folder)?;
    let finish = |filter: &&Filter| {
        let linked = compile::output(layout, filter);
        let finished: PathBuf = folder.join(format!("{}.wasm", filter.folder));
        module::finish(&linked, &finished, prune.then_some(filter.callbacks.as_slice()), &filter.manifest)?;
        Row::new(layout, &linked, &finished)
    };
    filters.iter().map(finish).collect()
}
