//! What a name stands for, as the store said.

use crate::manifest::Manifest;
use crate::name::ModelName;
use anyhow::{Context, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a name stood for, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) manifest: Manifest,
    asked: SystemTime,
}

impl Pointer {
    /// `None`: there is none, or none that can be read.
    pub(super) fn read(path: &Path, name: &ModelName) -> Option<Self> {
        let read = || {
            let bytes = fs::read(path)?;
            let asked = path.metadata()?.modified()?;
            anyhow::Ok(Self { manifest: Manifest::read(name, &bytes)?, asked })
        };
        match read() {
            Ok(pointer) => Some(pointer),
            Err(error) => {
                let is_absent = error.downcast_ref::<std::io::Error>();
                if is_absent.is_none_or(|error| error.kind() != ErrorKind::NotFound) {
                    tracing::warn!("{} is asked for again: {error:#}", path.display());
                }
                None
            }
        }
    }

    /// It appears under its name only when it is complete.
    pub(super) fn write(path: &Path, manifest: &Manifest) -> Result<()> {
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = fs::write(&unfinished, serde_json::to_vec(manifest)?)
            .and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            // Whatever is there is of no use.
            let _ = fs::remove_file(&unfinished);
        }
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether the store was asked within that time. One from the future was not, whatever the clock did.
    pub(crate) fn is_fresh(&self, ttl: Duration) -> bool {
        SystemTime::now().duration_since(self.asked).is_ok_and(|age| age < ttl)
    }
}
