//! The runner of the wasm32 tests: it must be the very version of `wasm-bindgen` that the tests are linked with.

use super::cargo_install::Program;
use super::node;
use crate::layout::Layout;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// `wasm-bindgen-test-runner` and the Node.js that it needs.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    node::ensure()?;
    let lockfile = layout.root().join("Cargo.lock");
    let locked = std::fs::read_to_string(&lockfile).context("Cargo.lock cannot be read")?;
    let version = locked_version(&locked, "wasm-bindgen").context("Cargo.lock holds no wasm-bindgen")?;
    Program { package: "wasm-bindgen-cli", version, binary: "wasm-bindgen-test-runner" }.ensure(layout)
}

/// The version of a package; cargo writes `name` and `version` on lines that follow each other.
fn locked_version<'a>(lockfile: &'a str, package: &str) -> Option<&'a str> {
    let wanted = format!("name = \"{package}\"");
    let mut lines = lockfile.lines();
    lines.find(|line| *line == wanted)?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn the_version_is_that_of_the_lockfile() {
        let lock = "[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.80\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
