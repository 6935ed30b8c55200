//! moto: what the cache tier's tests take for an object store. A Python program, pinned by hash with all it needs.

use super::python::Venv;
use super::step;
use crate::command::{capture, is_program};
use crate::layout::Layout;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

const REQUIREMENTS: &str = include_str!("moto.txt");

/// The server's file.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    let folder = layout.tools().join("python");
    let version = version(REQUIREMENTS).context("the list of packages names no moto")?;
    if let Some(server) = installed(&folder, version) {
        step("moto", format_args!("{version} is here"));
        return Ok(server);
    }
    let venv = Venv::ensure(layout)?;
    let list = layout.tools().join("moto.txt");
    std::fs::write(&list, REQUIREMENTS)?;
    step("moto", format_args!("fetching {version} and what it needs"));
    let mut pip = venv.pip();
    pip.args(["install", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:", "-r"]).arg(list);
    capture(&mut pip).context("moto cannot be fetched")?;
    installed(venv.folder(), version).context("the package moto holds no server")
}

/// The server, only if it is of the pinned version.
fn installed(venv: &Path, version: &str) -> Option<PathBuf> {
    let libraries = std::fs::read_dir(venv.join("lib")).ok()?;
    let about = format!("site-packages/moto-{version}.dist-info");
    let is_there = libraries.flatten().any(|python| python.path().join(&about).is_dir());
    let server = venv.join("bin/moto_server");
    (is_there && is_program(&server)).then_some(server)
}

fn version(requirements: &str) -> Option<&str> {
    let line = requirements.lines().find_map(|line| line.strip_prefix("moto=="))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::{REQUIREMENTS, version};

    #[test]
    fn everything_is_pinned_by_hash() {
        assert!(version(REQUIREMENTS).is_some());
        let lines: Vec<_> = REQUIREMENTS.lines().filter(|line| !line.starts_with('#')).collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("==")) {
            assert!(line.ends_with(" \\"), "{line} goes on");
            assert!(lines[number + 1].trim_start().starts_with("--hash=sha256:"), "{line} has no hash");
        }
    }
}
