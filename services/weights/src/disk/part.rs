//! A file that is being fetched.

use super::Disk;
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

/// A file that is being fetched, as long as the whole. Who has it holds its lock.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    blob: PathBuf,
    /// There was something of it before.
    resumes: bool,
}

impl Part {
    /// Goes on with what an earlier fetch has left, or with a whole file that is damaged, or begins anew.
    pub(super) fn open(disk: &Disk, manifest: &Manifest) -> Result<Self> {
        let (path, blob) = (disk.part(manifest.sha256), disk.blob(manifest.sha256));
        let cannot_write = || format!("cannot write {}", path.display());
        if blob.exists() {
            // A copy: others may have the damaged one mapped.
            fs::copy(&blob, &path).with_context(cannot_write)?;
            fs::set_permissions(&path, Permissions::from_mode(0o644)).with_context(cannot_write)?;
        }
        let resumes = path.exists();
        let mut options = File::options();
        let file = options.create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.with_context(cannot_write)?;
        file.set_len(manifest.bytes).with_context(cannot_write)?;
        Ok(Self { file, path, blob, resumes })
    }

    /// The chunks that are not there, or not whole. What an earlier fetch has left is not believed but compared.
    pub(crate) fn missing(&self, manifest: &Manifest, progress: &Progress) -> Result<Vec<usize>> {
        if !self.resumes {
            return Ok((0..manifest.chunks.len()).collect());
        }
        let mut missing = Vec::new();
        let mut buffer = Vec::new();
        for (chunk, digest, range) in manifest.ranges() {
            let length = usize::try_from(range.end - range.start)?;
            buffer.resize(length, 0);
            self.file.read_exact_at(&mut buffer, range.start)?;
            if is_hole(&buffer) || Digest::of(&buffer) != digest {
                missing.push(chunk);
            } else {
                progress.add(length as u64);
            }
        }
        Ok(missing)
    }

    /// Writes a chunk in its place.
    pub(crate) fn write(&self, start: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, start).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// It is whole: it gets its name.
    pub(crate) fn finish(&self, manifest: &Manifest) -> Result<()> {
        let got = Digest::of_file(&self.path)?;
        if got != manifest.sha256 {
            // Chunks are compared before they are written, so what is wrong is what they were compared with.
            let _ = fs::remove_file(&self.path);
            bail!(
                "the manifest of {} contradicts itself: its chunks make a file with the SHA-256 {got}, not {}",
                manifest.name,
                manifest.sha256
            );
        }
        let cannot_write = || format!("cannot write {}", self.blob.display());
        self.file.set_permissions(Permissions::from_mode(0o444)).with_context(cannot_write)?;
        self.file.sync_all().with_context(cannot_write)?;
        fs::rename(&self.path, &self.blob).with_context(cannot_write)
    }
}

/// Most likely nothing was written there. One that was is fetched again: rare, and right all the same.
fn is_hole(chunk: &[u8]) -> bool {
    chunk.iter().all(|byte| *byte == 0)
}
