//! Which packages are filters: those that list the callbacks they implement.
//!
//! ```toml
//! [package.metadata.spillway]
//! callbacks = ["proxy_on_request_headers"]  # what the module keeps of the SDK's exports
//! chaos = true                              # optional: has a test-only feature `chaos`
//! ```

use super::abi::CALLBACKS;
use anyhow::{Context, Result, bail};
use cargo_metadata::{CrateType, Package, TargetKind};
use serde::Deserialize;
use std::path::PathBuf;

/// A package that becomes a module.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) package: String,
    /// The folder's name, which names the module too.
    pub(super) folder: String,
    /// The library's name, from which cargo makes the file's name.
    pub(super) library: String,
    pub(super) manifest: PathBuf,
    pub(super) callbacks: Vec<String>,
    pub(super) chaos: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    callbacks: Vec<String>,
    #[serde(default)]
    chaos: bool,
}

/// All filters, wherever in the workspace they lie.
pub(super) fn of_workspace(members: &[Package]) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    for package in members {
        let of_package = of_package(package);
        filters.extend(of_package.with_context(|| format!("package {}", package.name))?);
    }
    filters.sort_by(|a, b| a.folder.cmp(&b.folder));
    let twice = |pair: &&[Filter]| matches!(pair, [a, b] if a.folder == b.folder);
    if let Some([first, second]) = filters.windows(2).find(twice) {
        bail!("{} and {} would both be {}.wasm", first.package, second.package, first.folder);
    }
    Ok(filters)
}

fn of_package(package: &Package) -> Result<Option<Filter>> {
    let is_module = |kind: &&cargo_metadata::Target| {
        kind.is_kind(TargetKind::CDyLib) || kind.crate_types.contains(&CrateType::CDyLib)
    };
    let library = package.targets.iter().find(is_module);
    let listed = package.metadata.get("spillway");
    let (library, listed) = match (library, listed) {
        (Some(library), Some(listed)) => (library, listed),
        (None, None) => return Ok(None),
        (Some(_), None) => bail!("is a cdylib but lists no callbacks in [package.metadata.spillway]"),
        (None, Some(_)) => bail!("lists callbacks but is no cdylib"),
    };
    let listed = Listed::deserialize(listed).context("[package.metadata.spillway]")?;
    if let Some(unknown) = listed.callbacks.iter().find(|name| !CALLBACKS.contains(&name.as_str())) {
        bail!("[package.metadata.spillway] lists {unknown}, which proxy-wasm 0.2.1 does not have");
    }
    let folder = package.manifest_path.parent().and_then(|folder| folder.file_name());
    Ok(Some(Filter {
        package: package.name.to_string(),
        folder: folder.context("lies in no folder")?.to_owned(),
        library: library.name.replace('-', "_"),
        manifest: package.manifest_path.clone().into(),
        callbacks: listed.callbacks,
        chaos: listed.chaos,
    }))
}

#[cfg(test)]
mod tests {
    use super::of_workspace;
    use cargo_metadata::Package;
    use serde_json::{Value, json};

    fn package(name: &str, kind: &str, spillway: &Value) -> Package {
        let metadata = if spillway.is_null() { Value::Null } else { json!({ "spillway": spillway }) };
        serde_json::from_value(json!({
            "name": name, "version": "0.1.0", "id": name, "dependencies": [], "features": {},
            "manifest_path": format!("/src/filters/{name}/Cargo.toml"), "metadata": metadata,
            "targets": [{ "name": format!("spillway-{name}"), "kind": [kind], "crate_types": [kind],
                          "src_path": "/src/lib.rs", "edition": "2024" }],
        }))
        .unwrap()
    }

    #[test]
    fn a_filter_is_a_cdylib_that_lists_callbacks() {
        let members = [
            package("picker", "cdylib", &json!({ "callbacks": ["proxy_on_tick"], "chaos": true })),
            package("host", "lib", &Value::Null),
        ];
        let filters = of_workspace(&members).unwrap();
        let [picker] = filters.as_slice() else { panic!("{filters:?}") };
        assert_eq!((picker.folder.as_str(), picker.library.as_str()), ("picker", "spillway_picker"));
        assert_eq!(picker.callbacks, ["proxy_on_tick"]);
        assert!(picker.chaos);
    }

    #[track_caller]
    fn refused(package: Package, why: &str) {
        assert_eq!(format!("{:#}", of_workspace(&[package]).unwrap_err()), format!("package a: {why}"));
    }

    #[test]
    fn a_wrong_listing_is_refused() {
        let typo = json!({ "callbacks": ["proxy_on_tock"] });
        refused(
            package("a", "cdylib", &typo),
            "[package.metadata.spillway] lists proxy_on_tock, which proxy-wasm 0.2.1 does not have",
        );
        refused(
            package("a", "cdylib", &Value::Null),
            "is a cdylib but lists no callbacks in [package.metadata.spillway]",
        );
        refused(package("a", "lib", &json!({ "callbacks": [] })), "lists callbacks but is no cdylib");
        refused(
            package("a", "cdylib", &json!({ "callbacks": [], "chaso": true })),
            "[package.metadata.spillway]: unknown field `chaso`, expected `callbacks` or `chaos`",
        );
    }
}
