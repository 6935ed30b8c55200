//! The built and fetched things that a running Spillway is made of, and how tests and benchmarks are told of them.

use crate::command::{cargo, run};
use crate::layout::Layout;
use crate::setup::{embedding_model, envoy, model};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// Absolute paths.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) envoy: PathBuf,
    pub(crate) filters: PathBuf,
    pub(crate) worker: PathBuf,
    pub(crate) cache_tier: PathBuf,
    pub(crate) model: PathBuf,
    pub(crate) embedding_model: PathBuf,
}

impl Parts {
    /// Fetches and builds what is missing, but for the filters: `build` has more to say about those.
    pub(crate) fn ensure(layout: &Layout) -> Result<Self> {
        Ok(Self {
            envoy: envoy::ensure(layout)?,
            filters: layout.filters(),
            model: model::ensure(layout)?,
            embedding_model: embedding_model::ensure(layout)?,
            worker: worker(layout)?,
            cache_tier: cache_tier(layout)?,
        })
    }

    /// What the end-to-end harness and the benchmarks read.
    pub(crate) fn tell(&self, command: &mut Command) {
        command
            .env("SPILLWAY_ENVOY", &self.envoy)
            .env("SPILLWAY_FILTERS", &self.filters)
            .env("SPILLWAY_WORKER", &self.worker)
            .env("SPILLWAY_CACHE_TIER", &self.cache_tier)
            .env("SPILLWAY_MODEL", &self.model)
            .env("SPILLWAY_EMBEDDING_MODEL", &self.embedding_model);
    }
}

/// The inference worker, optimised: a model without optimisation answers nobody. Cargo says when there is nothing to do.
pub(crate) fn worker(layout: &Layout) -> Result<PathBuf> {
    program(layout, "spillway-worker", "the inference worker")
}

/// The cache tier, optimised as well.
pub(crate) fn cache_tier(layout: &Layout) -> Result<PathBuf> {
    program(layout, "spillway-cache-tier", "the cache tier")
}

/// What publishes and fetches weights.
pub(crate) fn weights(layout: &Layout) -> Result<PathBuf> {
    program(layout, "spillway-weights", "the weights cache")
}

fn program(layout: &Layout, package: &str, what: &str) -> Result<PathBuf> {
    let mut command = cargo();
    command.current_dir(layout.root()).args(["build", "--release", "-p", package]);
    run(&mut command).with_context(|| format!("{what} does not build"))?;
    Ok(layout.release_program(package))
}
