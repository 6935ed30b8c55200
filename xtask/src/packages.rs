//! The packages of this workspace and where each belongs in the house.

use crate::command::cargo;
use crate::layout::Layout;
use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};
use std::path::Path;

/// The members, without their dependencies: fast.
pub(crate) fn members(layout: &Layout) -> Result<Vec<Package>> {
    let metadata = command(layout).no_deps().exec().context("cargo metadata failed")?;
    Ok(metadata.packages)
}

/// The members and the graph of everything that they depend on.
pub(crate) fn graph(layout: &Layout) -> Result<Metadata> {
    command(layout).exec().context("cargo metadata failed")
}

fn command(layout: &Layout) -> MetadataCommand {
    let mut command = MetadataCommand::new();
    command.cargo_path(cargo().get_program()).manifest_path(layout.root().join("Cargo.toml"));
    command
}

/// The folder below the root: `filters/endpoint-picker`.
pub(crate) fn folder<'a>(layout: &Layout, package: &'a Package) -> Option<&'a Path> {
    package.manifest_path.parent()?.as_std_path().strip_prefix(layout.root()).ok()
}

/// The first part of that folder: `filters`.
pub(crate) fn part<'a>(layout: &Layout, package: &'a Package) -> &'a str {
    folder(layout, package)
        .and_then(|folder| folder.components().next())
        .and_then(|part| part.as_os_str().to_str())
        .unwrap_or_default()
}

/// The names of the members in some parts of the house.
pub(crate) fn names_in<'a>(layout: &Layout, members: &'a [Package], parts: &[&str]) -> Vec<&'a str> {
    let wanted = |package: &&Package| parts.contains(&part(layout, package));
    members.iter().filter(wanted).map(|package| package.name.as_str()).collect()
}
