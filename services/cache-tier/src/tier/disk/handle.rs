//! The file, opened again where that helps.

use super::DiskConfig;
use super::file::{File, disk_bytes};
use anyhow::Context;
use redb::Error;
use spillway_backing::Fault;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The file, which may be closed for a while.
#[derive(Debug)]
pub(super) struct Handle {
    config: DiskConfig,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    file: Option<File>,
    /// The file is of no use: it is thrown away before it is opened the next time.
    discard: bool,
    /// The disk takes no more, so the file gets smaller when it is opened the next time, and stays so.
    is_full: bool,
}

impl Handle {
    pub(super) fn open(config: DiskConfig) -> anyhow::Result<Self> {
        let path = path(&config);
        // What is read from a damaged file can be more than the library expects.
        let opened = catch_unwind(AssertUnwindSafe(|| File::open(&path, &config, false)));
        let file = match opened.unwrap_or_else(|_| Err(Error::Corrupted("it does not make sense".to_owned())))
        {
            Ok(file) => file,
            Err(Error::DatabaseAlreadyOpen) => anyhow::bail!("another cache tier uses it"),
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, "the disk tier is damaged and is begun anew");
                std::fs::remove_file(&path)?;
                File::open(&path, &config, false)?
            }
            Err(error) => return Err(error).context("its file cannot be opened"),
        };
        Ok(Self { config, state: RwLock::new(State { file: Some(file), discard: false, is_full: false }) })
    }

    pub(super) fn config(&self) -> &DiskConfig {
        &self.config
    }

    /// Does something with the file, which is opened if it is not.
    pub(super) fn with<T>(&self, work: impl FnOnce(&File) -> Result<T, Error>) -> Result<T, Fault> {
        if self.read().file.is_none() {
            self.open_again()?;
        }
        let state = self.read();
        let file = state.file.as_ref().ok_or(Fault::Failed)?;
        match work(file) {
            Ok(done) => Ok(done),
            Err(error) => {
                drop(state);
                Err(self.failed(&error))
            }
        }
    }

    /// The file cannot be used any more, and nothing in it.
    pub(super) fn discard(&self) {
        let mut state = self.write();
        state.discard = true;
        state.file = None;
    }

    /// What the file takes of the disk, and how many entries there are.
    pub(super) fn usage(&self) -> (u64, u64) {
        let bytes = disk_bytes(&path(&self.config));
        let state = self.read();
        let entries = state.file.as_ref().and_then(|file| file.entries().ok());
        (bytes, entries.unwrap_or_default())
    }

    /// After a failure the library refuses everything until the file is opened anew.
    fn failed(&self, error: &Error) -> Fault {
        let damaged = is_damage(error);
        tracing::warn!(%error, damaged, "the disk tier failed");
        let mut state = self.write();
        state.discard |= damaged;
        state.is_full |= fault(error) == Fault::Full;
        state.file = None;
        fault(error)
    }

    fn open_again(&self) -> Result<(), Fault> {
        let mut state = self.write();
        if state.file.is_some() {
            return Ok(());
        }
        let path = path(&self.config);
        if state.discard {
            std::fs::remove_file(&path).or_else(|error| match error.kind() {
                ErrorKind::NotFound => Ok(()),
                _ => Err(Fault::Failed),
            })?;
            state.discard = false;
        }
        let file = File::open(&path, &self.config, state.is_full).map_err(|error| {
            state.discard = is_damage(&error);
            fault(&error)
        })?;
        state.file = Some(file);
        state.is_full = false;
        tracing::info!("the disk tier is open again");
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic while it is held leaves the file as it was; `discard` sees to that.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn path(config: &DiskConfig) -> PathBuf {
    config.folder.join("entries.redb")
}

/// Whether the file is not what it was written as; other errors may pass.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::Corrupted(_)
        | Error::RepairAborted
        | Error::UpgradeRequired(_)
        | Error::TableTypeMismatch { .. }
        | Error::TableIsMultimap(_) => true,
        // The library's word for a file that is none of its own, or shorter than it says.
        Error::Io(error) => matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
        _ => false,
    }
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::Io(error) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Fault::Full,
            _ => Fault::Failed,
        },
        error if is_damage(error) => Fault::Damaged,
        _ => Fault::Failed,
    }
}
