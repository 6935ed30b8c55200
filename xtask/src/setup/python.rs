//! A private Python environment under the target directory: pip is how pinned binaries come without a container engine.

use super::{apt, step};
use crate::command::{capture, is_program, succeeds};
use crate::layout::Layout;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment's own interpreter.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Makes the environment if there is none.
    pub(crate) fn ensure(layout: &Layout) -> Result<Self> {
        let venv = Self { folder: layout.tools().join("python") };
        if is_program(&venv.python()) && succeeds(venv.pip().arg("--version")) {
            return Ok(venv);
        }
        if !can_make_one() {
            apt::install(&["python3", "python3-venv"], "Python 3 with venv and pip")?;
        }
        step("Python", "making a private environment");
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(&venv.folder);
        capture(&mut command).context("the private Python environment cannot be made")?;
        Ok(venv)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    pub(crate) fn pip(&self) -> Command {
        let mut command = Command::new(self.python());
        command.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
        command
    }
}

/// Debian's python3 has `venv` without the `ensurepip` that it needs; `python3-venv` brings it.
fn can_make_one() -> bool {
    succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}
