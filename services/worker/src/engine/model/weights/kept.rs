//! The requantised model on disk.
//!
//! Its name holds the checksum of the model that it was made of, so another model is another file. Beside it lies its
//! own checksum, in the form that `sha256sum --check` reads. It appears under its name only when it is complete, and
//! it is used only when its checksum is right: a crash or a full disk in the middle costs time, not answers.

use anyhow::{Context, Result};
use spillway_weights::Digest;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Part of the name. To be changed when what is written changes.
const FORM: &str = "q8_0-1";

/// Where a requantised model is kept.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
}

impl Kept {
    /// The place for what is made of the file of that name, whose checksum is `source`.
    pub(super) fn new(stem: &str, directory: &Path, source: &str) -> Self {
        let short = source.get(..16).unwrap_or(source);
        Self { path: directory.join(format!("{stem}.{short}.{FORM}.gguf")) }
    }

    /// The file, where it is there and whole.
    pub(super) fn whole(&self) -> Option<&Path> {
        if !self.path.exists() {
            return None;
        }
        match self.verify() {
            Ok(()) => Some(&self.path),
            Err(error) => {
                tracing::warn!("the kept model is made again: {error:#}");
                None
            }
        }
    }

    /// Waits until no other worker is making the same file. The lock ends when it is dropped.
    pub(super) fn lock(&self) -> Result<File> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        }
        let path = self.beside("lock");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(file)
    }

    /// Writes the file. It must be locked.
    pub(super) fn write(&self, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
        let unfinished = self.beside("unfinished");
        let made = self.make(&unfinished, write);
        if made.is_err() {
            // Whatever is there is of no use; if it cannot be removed, the next start overwrites it.
            let _ = fs::remove_file(&unfinished);
        }
        made
    }

    fn make(&self, unfinished: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
        let mut file =
            File::create(unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
        write(&mut file)?;
        file.sync_all()?;
        let sum = Digest::of_file(unfinished)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        fs::write(self.beside("sha256"), format!("{sum}  {name}\n"))?;
        fs::rename(unfinished, &self.path)?;
        tracing::info!(file = %self.path.display(), "the requantised model is kept");
        Ok(())
    }

    fn verify(&self) -> Result<()> {
        let path = self.beside("sha256");
        let line = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let expected = line.split_whitespace().next().unwrap_or_default();
        let sum = Digest::of_file(&self.path)?.to_string();
        anyhow::ensure!(sum == expected, "{}: its checksum is {sum}, not {expected:?}", self.path.display());
        Ok(())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(ending);
        self.path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use std::fs;
    use std::io::Write;

    #[test]
    fn a_file_counts_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::new("m", dir.path(), "0123456789abcdef0123");
        assert_eq!(kept.path, dir.path().join("m.0123456789abcdef.q8_0-1.gguf"));
        assert_eq!(kept.whole(), None, "it is not there");

        kept.write(|_| anyhow::bail!("the disk is full")).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left of it");

        kept.write(|file| Ok(file.write_all(b"weights")?)).unwrap();
        assert_eq!(kept.whole(), Some(kept.path.as_path()));

        fs::write(&kept.path, b"weightz").unwrap();
        assert_eq!(kept.whole(), None, "it was changed");
        fs::write(&kept.path, b"weights").unwrap();
        fs::remove_file(kept.beside("sha256")).unwrap();
        assert_eq!(kept.whole(), None, "its checksum is gone");
    }
}
