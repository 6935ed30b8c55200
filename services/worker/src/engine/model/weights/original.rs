//! The model's file as it was published.

use super::{Weights, header};
use anyhow::{Context, Result};
use candle_core::quantized::gguf_file::Content;
use spillway_weights::Digest;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The model's file as it was published.
#[derive(Debug)]
pub(in crate::engine::model) enum Original {
    /// A file of this machine.
    File(PathBuf),
    /// One of the weights cache, mapped and verified.
    Cached {
        weights: Arc<spillway_weights::Weights>,
        /// Where the cache has what is made of it.
        derived: PathBuf,
    },
}

impl Original {
    /// Its checksum.
    pub(super) fn sha256(&self) -> Result<Digest> {
        match self {
            Self::File(path) => Digest::of_file(path),
            Self::Cached { weights, .. } => Ok(weights.manifest().sha256),
        }
    }

    /// What the name of what is made of it begins with.
    pub(super) fn stem(&self) -> Result<Cow<'_, str>> {
        match self {
            Self::File(path) => {
                Ok(path.file_stem().context("the model's file has no name")?.to_string_lossy())
            }
            Self::Cached { weights, .. } => Ok(weights.manifest().name.as_str().into()),
        }
    }

    /// The folder for what is made of it, unless the operator has named one.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::File(path) => path.parent().unwrap_or(Path::new(".")),
            Self::Cached { derived, .. } => derived,
        }
    }

    /// What stands before its weights.
    pub(in crate::engine::model) fn header(&self) -> Result<Content> {
        match self {
            Self::File(path) => header(self, &mut open(path)?),
            Self::Cached { weights, .. } => header(self, &mut Cursor::new(&weights[..])),
        }
    }

    /// All of it.
    pub(super) fn read(&self, progress: impl Fn(usize)) -> Result<Weights> {
        match self {
            Self::File(path) => Weights::read(self, &mut open(path)?, progress),
            Self::Cached { weights, .. } => Weights::read(self, &mut Cursor::new(&weights[..]), progress),
        }
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

impl fmt::Display for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Cached { weights, .. } => write!(f, "{}", weights.manifest().name),
        }
    }
}
