//! Licences, sources and bans of everything that is linked in: deny.toml says which.

use crate::command::run;
use crate::layout::Layout;
use crate::setup::cargo_deny;
use anyhow::Result;
use std::process::Command;

pub(super) fn check(layout: &Layout) -> Result<bool> {
    let mut command = Command::new(cargo_deny::ensure(layout)?);
    // Advisories need a database from the network and change without a commit: they are not a check of this tree.
    command.current_dir(layout.root()).args(["check", "bans", "licenses", "sources"]);
    run(&mut command).map(|()| true)
}
