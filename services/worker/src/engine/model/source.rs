//! Where the model's file comes from.

use super::weights::Original;
use anyhow::{Context, Result};
use spillway_weights::{Digest, ModelName, Progress, WeightsCache};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Where the model's file comes from.
#[derive(Debug)]
pub enum Source {
    /// It is a file of this machine.
    File(PathBuf),
    /// It is looked for in the weights cache.
    Cached(Box<Cached>),
}

/// A model of the weights cache.
#[derive(Debug)]
pub struct Cached {
    /// The cache, which other models come from as well.
    pub cache: Arc<WeightsCache>,
    /// The model's name there.
    pub name: ModelName,
    /// The file that the name must stand for.
    pub sha256: Option<Digest>,
    /// Where the cache works: the computing thread waits for it.
    pub runtime: Handle,
}

impl Source {
    /// The file, once it is here and verified.
    pub(super) fn original(&self, progress: &Arc<Progress>) -> Result<Original> {
        match self {
            Self::File(file) => Ok(Original::File(file.clone())),
            Self::Cached(cached) => {
                let Cached { cache, name, sha256, runtime } = &**cached;
                let loaded = runtime
                    .block_on(cache.load(name, *sha256, progress))
                    .with_context(|| format!("the model {name} cannot be loaded"))?;
                let (tier, sha256) = (loaded.tier.as_str(), loaded.weights.manifest().sha256);
                tracing::info!(model = %name, %sha256, tier, "the weights are here, and verified");
                Ok(Original::Cached { weights: loaded.weights, derived: cache.derived_dir(sha256) })
            }
        }
    }
}
