//! Room on the disk: what was not used for longest gives way.

use super::{Disk, Lock, Part};
use crate::counters::Counters;
use crate::digest::Digest;
use crate::manifest::Manifest;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

/// What of one file is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Model {
    /// The file itself, what has come of it, and what was made of it.
    pub(crate) bytes: u64,
    /// When it was used last.
    pub(crate) used: SystemTime,
    /// Whether the whole file is there.
    pub(crate) is_whole: bool,
}

impl Default for Model {
    fn default() -> Self {
        Self { bytes: 0, used: SystemTime::UNIX_EPOCH, is_whole: false }
    }
}

impl Disk {
    /// Begins a file, or goes on with one, when there is room for it. Who asks holds its lock.
    pub(crate) fn begin(&self, manifest: &Manifest, counters: &Counters) -> Result<Part> {
        // One at a time: two would see the same room.
        let _alone = Lock::exclusive(&self.lock("room"))?;
        let mut models = self.models()?;
        let own = models.remove(&manifest.sha256).unwrap_or_default();
        let mut bytes = manifest.bytes.max(own.bytes) + models.values().map(|model| model.bytes).sum::<u64>();
        let mut by_use: Vec<_> = models.into_iter().collect();
        by_use.sort_unstable_by_key(|(digest, model)| (model.used, *digest));
        for (digest, model) in by_use {
            if bytes <= self.max_bytes {
                break;
            }
            // What somebody uses or fetches stays.
            let Some(_locks) = self.try_remove(digest)? else { continue };
            self.remove(digest)?;
            counters.evicted();
            tracing::info!(%digest, bytes = model.bytes, "gives way to {}", manifest.name);
            bytes -= model.bytes;
        }
        if bytes > self.max_bytes {
            bail!(
                "{} of {} bytes does not fit: the disk may hold {} bytes, and {} bytes are in use",
                manifest.name,
                manifest.bytes,
                self.max_bytes,
                bytes - manifest.bytes.max(own.bytes)
            );
        }
        Part::open(self, manifest)
    }

    /// What is there, by digest. Everything counts with its full length, also what is only being fetched.
    pub(crate) fn models(&self) -> Result<BTreeMap<Digest, Model>> {
        let mut models: BTreeMap<Digest, Model> = BTreeMap::new();
        each(&self.root.join("blobs"), |name, data| {
            let whole = name.parse();
            let part = name.strip_suffix(".part").map(str::parse);
            let (digest, is_whole) = match (whole, part) {
                (Ok(digest), _) => (digest, true),
                (_, Some(Ok(digest))) => (digest, false),
                _ => return Ok(()),
            };
            let model = models.entry(digest).or_default();
            model.bytes += data.len();
            model.is_whole |= is_whole;
            model.used = model.used.max(data.modified()?);
            Ok(())
        })?;
        each(&self.root.join("derived"), |name, _| {
            let Ok(digest) = name.parse() else { return Ok(()) };
            each(&self.derived(digest), |_, data| {
                models.entry(digest).or_default().bytes += data.len();
                Ok(())
            })
        })?;
        Ok(models)
    }

    fn remove(&self, digest: Digest) -> Result<()> {
        for path in [self.blob(digest), self.part(digest)] {
            let removed = fs::remove_file(&path);
            gone(removed).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        let derived = self.derived(digest);
        gone(fs::remove_dir_all(&derived)).with_context(|| format!("cannot remove {}", derived.display()))
    }
}

/// It is not there, which is as good.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Everything in a folder. What goes away meanwhile does not count.
fn each(folder: &Path, mut look: impl FnMut(&str, &Metadata) -> Result<()>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (name, Ok(data)) = (entry.file_name(), entry.metadata()) else { continue };
        if let Some(name) = name.to_str() {
            look(name, &data)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::VERSION;
    use std::time::Duration;

    fn manifest(about: u8, bytes: u64) -> Manifest {
        let sha256 = Digest::of(&[about]);
        let name = format!("m{about}").parse().unwrap();
        Manifest { version: VERSION, name, bytes, sha256, chunk_bytes: 65_536, chunks: vec![sha256] }
    }

    /// A whole file that was used so many minutes ago.
    fn put(disk: &Disk, about: u8, bytes: usize, minutes: u64) -> Digest {
        let digest = Digest::of(&[about]);
        fs::write(disk.blob(digest), vec![1; bytes]).unwrap();
        let used = SystemTime::now() - Duration::from_secs(60 * minutes);
        fs::File::options().write(true).open(disk.blob(digest)).unwrap().set_modified(used).unwrap();
        digest
    }

    #[test]
    fn what_was_not_used_for_longest_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 1000).unwrap();
        let [old, used, new] =
            [(1, 3), (2, 2), (3, 1)].map(|(about, minutes)| put(&disk, about, 300, minutes));
        fs::create_dir(disk.derived(used)).unwrap();
        fs::write(disk.derived(used).join("made"), [0; 100]).unwrap();
        assert_eq!(disk.models().unwrap().values().map(|model| model.bytes).sum::<u64>(), 1000);

        let _used = disk.try_use(old).unwrap().unwrap();
        let part = disk.begin(&manifest(4, 350), &Counters::default()).unwrap();
        let left: Vec<_> = disk.models().unwrap().into_keys().collect();
        let mut expected = vec![old, new, Digest::of(&[4])];
        expected.sort_unstable();
        assert_eq!(
            left, expected,
            "the oldest is in use, so the second oldest went, with what was made of it"
        );
        assert!(!disk.derived(used).exists());
        drop(part);

        let error = disk.begin(&manifest(5, 900), &Counters::default()).unwrap_err().to_string();
        assert_eq!(
            error,
            "m5 of 900 bytes does not fit: the disk may hold 1000 bytes, and 300 bytes are in use"
        );
    }

    #[test]
    fn a_file_that_is_being_fetched_has_its_room() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 1000).unwrap();
        let first = manifest(1, 600);
        let _fetches = disk.try_change(first.sha256).unwrap().unwrap();
        let _part = disk.begin(&first, &Counters::default()).unwrap();
        disk.begin(&manifest(2, 500), &Counters::default()).unwrap_err();
        disk.begin(&manifest(2, 400), &Counters::default()).unwrap();
        disk.begin(&first, &Counters::default()).unwrap();
    }
}
