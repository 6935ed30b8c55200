//! The disk of this machine: one file, bounded in bytes, that survives restarts and crashes.
//!
//! The file is a `redb` database. Every write is a transaction that is on the disk when it is committed, and makes room
//! in itself: the oldest entries go first. So the file is whole at every moment, and a cache tier that is killed loses
//! what was in its queue and nothing else.
//!
//! A file that cannot be opened because it is damaged is thrown away, since it is a cache. One that fails while it is
//! used is opened again.

mod file;
mod footprint;
mod handle;
mod tables;
#[cfg(test)]
mod tests;

use super::backend::{Answer, Backend, Batching, Change};
use crate::purge::Mark;
use crate::stored::Key;
use anyhow::Context;
use bytes::Bytes;
use handle::Handle;
use spillway_backing::Fault;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where the disk tier is, and how large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskConfig {
    /// The folder, which is made if it is not there. It belongs to one cache tier.
    pub folder: PathBuf,
    /// How much of the disk the file may take.
    pub max_bytes: u64,
    /// The largest entry.
    pub max_entry_bytes: usize,
}

/// A disk that is busy takes its time.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// More at once would not be faster.
const MOST_BATCH_BYTES: usize = 8 << 20;

/// The disk tier.
#[derive(Debug)]
pub struct Disk {
    handle: Arc<Handle>,
    marks_were_read: AtomicBool,
}

impl Disk {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When the folder cannot be used, or another cache tier uses it.
    pub fn open(config: DiskConfig) -> anyhow::Result<Self> {
        let shown = config.folder.display().to_string();
        std::fs::create_dir_all(&config.folder)
            .with_context(|| format!("--disk-dir {shown} cannot be made"))?;
        let handle = Handle::open(config).with_context(|| format!("--disk-dir {shown} cannot be used"))?;
        Ok(Self { handle: Arc::new(handle), marks_were_read: AtomicBool::new(false) })
    }

    /// Does something with the file on a thread that may wait for the disk.
    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Handle) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        let handle = Arc::clone(&self.handle);
        Box::pin(async move {
            let of = Arc::clone(&handle);
            match tokio::task::spawn_blocking(move || work(&of)).await {
                Ok(done) => done,
                Err(error) if error.is_panic() => {
                    // What is read from a damaged file can be anything, and was more than the library expects.
                    handle.discard();
                    Err(Fault::Damaged)
                }
                Err(_) => Err(Fault::Failed),
            }
        })
    }
}

impl Backend for Disk {
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Bytes>> {
        let key = *key;
        self.with(move |handle| handle.with(|file| file.get(&key)))
    }

    fn change(&self, changes: Vec<Change>) -> Answer<'_, ()> {
        self.with(move |handle| handle.with(|file| file.change(&changes)))
    }

    fn marks(&self) -> Answer<'_, Option<Vec<Mark>>> {
        if self.marks_were_read.load(Ordering::Relaxed) {
            // Nobody else writes to this file.
            return Box::pin(async { Ok(None) });
        }
        let read = self.with(|handle| handle.with(file::File::marks));
        Box::pin(async move {
            let marks = read.await?;
            self.marks_were_read.store(true, Ordering::Relaxed);
            Ok(Some(marks))
        })
    }

    fn keep_marks(&self, marks: Vec<Mark>, oldest_ms: u64) -> Answer<'_, ()> {
        self.with(move |handle| handle.with(|file| file.keep_marks(&marks, oldest_ms)))
    }

    fn batching(&self) -> Batching {
        // One at a time is how the file is written; together they share one wait for the disk. What a transaction
        // replaces is free only after it, so a batch is small beside the file.
        let bytes = usize::try_from(self.handle.config().max_bytes / 64).unwrap_or(usize::MAX);
        Batching { lanes: 1, changes: 64, bytes: bytes.min(MOST_BATCH_BYTES), timeout: WRITE_TIMEOUT }
    }

    fn usage(&self) -> Option<(u64, u64)> {
        Some(self.handle.usage())
    }
}
