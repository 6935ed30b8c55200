//! Locks between processes.

use anyhow::{Context, Result};
use std::fs::{File, TryLockError};
use std::path::Path;

/// A lock, given back when it is dropped or when its process ends. Its file stays: to remove it would let two processes
/// hold locks of the same name.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Together with others who share it; `None` while somebody has it alone.
    pub(crate) fn try_shared(path: &Path) -> Result<Option<Self>> {
        Self::take(path, File::try_lock_shared)
    }

    /// Alone; `None` while somebody has it.
    pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Self>> {
        Self::take(path, File::try_lock)
    }

    /// Alone, however long that takes.
    pub(crate) fn exclusive(path: &Path) -> Result<Self> {
        let file = open(path)?;
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Self { _file: file })
    }

    fn take(path: &Path, take: impl Fn(&File) -> Result<(), TryLockError>) -> Result<Option<Self>> {
        let file = open(path)?;
        match take(&file) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    options.open(path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn many_share_it_or_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::try_shared(&path).unwrap().unwrap();
        let second = Lock::try_shared(&path).unwrap().unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        drop(first);
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        drop(second);
        let alone = Lock::try_exclusive(&path).unwrap().unwrap();
        assert!(Lock::try_shared(&path).unwrap().is_none());
        drop(alone);
        Lock::exclusive(&path).unwrap();
    }
}
