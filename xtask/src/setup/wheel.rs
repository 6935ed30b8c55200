//! Python wheels that carry something other than Python, pinned by version and hash.

use super::progress::{Download, bytes_below};
use super::python::Venv;
use super::step;
use crate::command::tail;
use crate::layout::Layout;
use crate::say;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// One package at one version.
pub(crate) struct Wheel {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// SHA-256 of each platform's file; pip refuses any other.
    pub(crate) sha256: &'static [&'static str],
    /// Size of the largest of them, for the progress bar.
    pub(crate) bytes: u64,
}

impl Wheel {
    /// Installs it into the environment.
    pub(crate) fn install(&self, layout: &Layout, venv: &Venv) -> Result<()> {
        let mut command = venv.pip();
        command.arg("install");
        self.fetch(layout, command)
    }

    /// The folder of an environment's packages, only if this version is among them.
    pub(crate) fn installed(&self, venv: &Path) -> Option<PathBuf> {
        let about = format!("{}-{}.dist-info", self.name.replace('-', "_"), self.version);
        let libraries = fs::read_dir(venv.join("lib")).ok()?;
        let mut packages = libraries.flatten().map(|python| python.path().join("site-packages"));
        packages.find(|packages| packages.join(&about).is_dir())
    }

    /// Leaves the wheel's file in a folder.
    pub(crate) fn download(&self, layout: &Layout, venv: &Venv, folder: &Path) -> Result<()> {
        let mut command = venv.pip();
        command.arg("download").arg("--dest").arg(folder);
        self.fetch(layout, command)
    }

    /// The line of a requirements file.
    fn requirement(&self) -> String {
        let hashes: String = self.sha256.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
        format!("{}=={}{hashes}\n", self.name, self.version)
    }

    fn fetch(&self, layout: &Layout, mut pip: Command) -> Result<()> {
        // pip writes what it downloads to TMPDIR: a folder of our own tells how far it is.
        let scratch = layout.tools().join(format!("fetch-{}-{}", self.name, std::process::id()));
        fs::create_dir_all(&scratch)?;
        let fetched = self.fetch_through(&scratch, &mut pip);
        drop(fs::remove_dir_all(&scratch));
        fetched.with_context(|| format!("the package {} {} cannot be fetched", self.name, self.version))
    }

    fn fetch_through(&self, scratch: &Path, pip: &mut Command) -> Result<()> {
        let (list, log) = (scratch.join("requirements.txt"), scratch.join("pip.log"));
        fs::write(&list, self.requirement())?;
        step(self.name, format_args!("fetching {}, {}", self.version, say::size(self.bytes)));
        let started = Instant::now();
        let output = File::create(&log)?;
        let mut child = pip
            .args(["--require-hashes", "--no-deps", "--only-binary=:all:", "--progress-bar=off", "-r"])
            .arg(&list)
            .env("TMPDIR", scratch)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut progress = Download::new(self.name, self.bytes);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            progress.at(bytes_below(scratch));
            sleep(Duration::from_millis(200));
        };
        drop(progress);
        if !status.success() {
            bail!("pip failed: {status}: {}", tail(&fs::read_to_string(&log).unwrap_or_default(), 12));
        }
        step(self.name, format_args!("fetched in {} s, hash verified", started.elapsed().as_secs()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Wheel;

    #[test]
    fn another_version_in_the_environment_is_not_taken() {
        let venv = tempfile::tempdir().unwrap();
        let packages = venv.path().join("lib/python3.12/site-packages");
        let wheel = Wheel { name: "some-thing", version: "1.40.0", sha256: &[], bytes: 1 };
        assert_eq!(wheel.installed(venv.path()), None);
        std::fs::create_dir_all(packages.join("some_thing-1.39.0.dist-info")).unwrap();
        assert_eq!(wheel.installed(venv.path()), None);
        std::fs::create_dir_all(packages.join("some_thing-1.40.0.dist-info")).unwrap();
        assert_eq!(wheel.installed(venv.path()), Some(packages));
    }

    #[test]
    fn a_requirement_names_every_hash() {
        let wheel = Wheel { name: "thing", version: "1.2.3", sha256: &["aa", "bb"], bytes: 1 };
        assert_eq!(wheel.requirement(), "thing==1.2.3 --hash=sha256:aa --hash=sha256:bb\n");
    }
}
