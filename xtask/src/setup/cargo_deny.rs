//! cargo-deny: licences, sources and bans. The operator's own where it knows this workspace's format, else built once.

use super::cargo_install::Program;
use super::step;
use crate::command::{capture, find};
use crate::layout::Layout;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Older ones do not read the package ids of today's cargo.
const OLDEST: (u32, u32) = (0, 18);
const PINNED: &str = "0.20.2";

/// The program's file.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    if let Some(found) = find("cargo-deny") {
        let said = capture(Command::new(&found).arg("--version")).unwrap_or_default();
        if version(&said).is_some_and(|version| version >= OLDEST) {
            step("cargo-deny", format_args!("{}, {}", said.trim(), found.display()));
            return Ok(found);
        }
        step("cargo-deny", format_args!("{} on the PATH is too old", said.trim()));
    }
    Program { package: "cargo-deny", version: PINNED, binary: "cargo-deny" }.ensure(layout)
}

/// From `cargo-deny 0.20.2`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().rsplit(' ').next()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, version};

    #[test]
    fn an_old_one_is_not_taken() {
        assert!(version("cargo-deny 0.20.2\n").unwrap() >= OLDEST);
        assert!(version("cargo-deny 0.14.2").unwrap() < OLDEST);
        assert_eq!(version("no such thing"), None);
    }
}
