//! Licences, sources and bans of everything that is linked in: deny.toml says which.

use crate::command::run;
use crate::layout::Layout;
use crate::setup::cargo_deny;
use anyhow::Result;
use std::process::Command;

/// The workspace, and what is a workspace of its own, which has not all the crates that deny.toml names.
const CHECKED: &[(&str, &[&str])] =
    &[("Cargo.toml", &[]), ("bench/llama-cpp/Cargo.toml", &["--allow", "unused-wrapper"])];

pub(super) fn check(layout: &Layout) -> Result<bool> {
    let program = cargo_deny::ensure(layout)?;
    for (manifest, arguments) in CHECKED {
        let mut command = Command::new(&program);
        command.current_dir(layout.root()).args(["--manifest-path", manifest, "--config", "deny.toml"]);
        // Advisories need a database from the network and change without a commit: they are not a check of this tree.
        command.arg("check").args(*arguments).args(["bans", "licenses", "sources"]);
        run(&mut command)?;
    }
    Ok(true)
}
