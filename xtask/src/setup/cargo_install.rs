//! Programs from crates.io, built once into a folder that carries their version.

use super::step;
use crate::command::{cargo, is_program, run};
use crate::layout::Layout;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// One program at one version.
pub(crate) struct Program<'a> {
    pub(crate) package: &'a str,
    pub(crate) version: &'a str,
    pub(crate) binary: &'a str,
}

impl Program<'_> {
    /// The program's file, built if it is not there.
    pub(crate) fn ensure(&self, layout: &Layout) -> Result<PathBuf> {
        let root = layout.tools().join(format!("{}-{}", self.package, self.version));
        let file = root.join("bin").join(self.binary);
        if is_program(&file) {
            step(self.package, format_args!("{} is here", self.version));
            return Ok(file);
        }
        step(self.package, format_args!("building {}, once; this takes minutes", self.version));
        let started = Instant::now();
        let built = run(&mut self.install(layout, &root, true)).or_else(|_told| {
            // A registry's mirror may lag behind the very versions that the package's lockfile names.
            step(self.package, "does not build with its own lockfile; trying without");
            run(&mut self.install(layout, &root, false))
        });
        built.with_context(|| format!("{} {} cannot be built", self.package, self.version))?;
        drop(std::fs::remove_dir_all(layout.tools().join("build")));
        step(self.package, format_args!("built in {} s", started.elapsed().as_secs()));
        Ok(file)
    }

    fn install(&self, layout: &Layout, root: &Path, locked: bool) -> Command {
        let mut command = cargo();
        command
            .args(["install", self.package, "--version", &format!("={}", self.version)])
            .args(["--bin", self.binary, "--root"])
            .arg(root)
            .args(locked.then_some("--locked"))
            // Used for a moment per run: the time that optimising takes would never come back.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_TARGET_DIR", layout.tools().join("build"));
        command
    }
}
