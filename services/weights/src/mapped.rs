//! A file that was verified, mapped into memory.

use crate::disk::Lock;
use crate::manifest::Manifest;
use crate::progress::Progress;
use anyhow::{Context, Result};
use memmap2::Mmap;
use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Weights: a whole file whose digests were right when it was mapped. While it is held, nobody replaces or removes it.
#[derive(Debug)]
pub struct Weights {
    manifest: Manifest,
    map: Mmap,
    _lock: Lock,
}

/// A file that is there.
#[derive(Debug)]
pub(crate) enum Checked {
    /// It is what it should be.
    Whole(Weights),
    /// It is not: so many of its chunks are others.
    Damaged(usize),
}

impl Weights {
    /// What the file is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Maps a file and compares all of it. `threads` do that side by side.
    pub(crate) fn map(
        path: &Path,
        manifest: &Manifest,
        lock: Lock,
        threads: usize,
        progress: &Progress,
    ) -> Result<Checked> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        if file.metadata()?.len() != manifest.bytes {
            return Ok(Checked::Damaged(manifest.chunks.len()));
        }
        let map = map(&file).with_context(|| format!("cannot map {}", path.display()))?;
        let damaged = damaged(&map, manifest, threads, progress);
        if damaged > 0 {
            return Ok(Checked::Damaged(damaged));
        }
        Ok(Checked::Whole(Self { manifest: manifest.clone(), map, _lock: lock }))
    }
}

impl Deref for Weights {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

#[allow(
    unsafe_code,
    reason = "a map is sound while nobody changes the file: those of the cache are read-only, are replaced and never \
              written to, and are not removed while their lock is held, which lives as long as the map"
)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: see above.
    unsafe { Mmap::map(file) }
}

/// How many chunks are not what they should be.
fn damaged(map: &[u8], manifest: &Manifest, threads: usize, progress: &Progress) -> usize {
    let chunks = Mutex::new(manifest.ranges());
    let damaged = AtomicUsize::new(0);
    let compare = || loop {
        let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((_, digest, range)) = next else { break };
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        let bytes = start.ok().zip(end.ok()).and_then(|(start, end)| map.get(start..end));
        if bytes.is_none_or(|bytes| crate::Digest::of(bytes) != digest) {
            damaged.fetch_add(1, Ordering::Relaxed);
        }
        progress.add(range.end - range.start);
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(manifest.chunks.len()) {
            scope.spawn(compare);
        }
        compare();
    });
    damaged.into_inner()
}
