//! The disk of a machine, which all its processes share.
//!
//! | file | what |
//! |---|---|
//! | `blobs/<sha256>` | a whole file; read-only, and never changed |
//! | `blobs/<sha256>.part` | one that is being fetched: as long as the whole, with holes where chunks are missing |
//! | `derived/<sha256>/…` | what programs have made of it |
//! | `models/<name>.json` | what a name stands for; as old as the last time that the store said so |
//! | `locks/…` | held while a file is fetched, replaced or removed, and shared while it is used |
//!
//! Locks are the kernel's, so those of a process that is killed are gone with it.

mod lock;
mod part;
mod pointer;
mod room;

pub(crate) use lock::Lock;
pub(crate) use part::Part;
pub(crate) use pointer::Pointer;

use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::name::ModelName;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder with weights.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    root: PathBuf,
    max_bytes: u64,
}

impl Disk {
    /// The folder is made where it is not there.
    pub(crate) fn open(root: &Path, max_bytes: u64) -> Result<Self> {
        let root = std::path::absolute(root)?;
        for below in ["blobs", "derived", "models", "locks"] {
            let folder = root.join(below);
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(Self { root, max_bytes })
    }

    /// Where a whole file is, or would be.
    pub(crate) fn blob(&self, digest: Digest) -> PathBuf {
        self.root.join("blobs").join(digest.to_string())
    }

    /// Where programs keep what they make of a file.
    pub(crate) fn derived(&self, digest: Digest) -> PathBuf {
        self.root.join("derived").join(digest.to_string())
    }

    fn part(&self, digest: Digest) -> PathBuf {
        self.root.join("blobs").join(format!("{digest}.part"))
    }

    fn lock(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(name)
    }

    /// The lock of a file that is used: it is not removed meanwhile. `None` while somebody removes it.
    pub(crate) fn try_use(&self, digest: Digest) -> Result<Option<Lock>> {
        Lock::try_shared(&self.lock(&format!("{digest}.use")))
    }

    /// The lock of a file that is fetched or put right; `None` while somebody else does that. Who uses it need not wait:
    /// files are replaced, never written to.
    pub(crate) fn try_change(&self, digest: Digest) -> Result<Option<Lock>> {
        Lock::try_exclusive(&self.lock(&format!("{digest}.change")))
    }

    /// The locks of a file that is removed; `None` while somebody uses, fetches or removes it.
    fn try_remove(&self, digest: Digest) -> Result<Option<(Lock, Lock)>> {
        let used = Lock::try_exclusive(&self.lock(&format!("{digest}.use")))?;
        let Some(used) = used else { return Ok(None) };
        Ok(self.try_change(digest)?.map(|changed| (used, changed)))
    }

    /// The lock of what a name stands for; `None` while somebody has it.
    pub(crate) fn try_name(&self, name: &ModelName) -> Result<Option<Lock>> {
        Lock::try_exclusive(&self.lock(&format!("{name}.name")))
    }

    /// What a name stood for when the store was asked last.
    pub(crate) fn pointer(&self, name: &ModelName) -> Option<Pointer> {
        Pointer::read(&self.pointer_path(name), name)
    }

    /// Keeps what a name stands for.
    pub(crate) fn keep_pointer(&self, manifest: &Manifest) -> Result<()> {
        Pointer::write(&self.pointer_path(&manifest.name), manifest)
    }

    fn pointer_path(&self, name: &ModelName) -> PathBuf {
        self.root.join("models").join(format!("{name}.json"))
    }

    /// The names that were asked for on this machine, in order.
    pub(crate) fn names(&self) -> Result<Vec<ModelName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join("models"))? {
            let name = entry?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            names.extend(name);
        }
        names.sort_unstable_by(|a: &ModelName, b| a.as_str().cmp(b.as_str()));
        Ok(names)
    }

    /// The file was used now. What was not used for longest gives way first.
    pub(crate) fn touch(&self, digest: Digest) {
        // Only the order in which models give way depends on it.
        let touched = File::open(self.blob(digest)).and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched {
            tracing::debug!("the time of {digest} cannot be set: {error}");
        }
    }

    /// How much of a file that is being fetched has come.
    pub(crate) fn fetched_bytes(&self, digest: Digest) -> u64 {
        // Holes take no blocks. A file system that knows no holes makes this look better than it is.
        self.part(digest).metadata().map_or(0, |data| data.blocks().saturating_mul(512))
    }
}
