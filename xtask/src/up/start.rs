//! From nothing to ready: workers and the cache tier first, so that Envoy finds its endpoints healthy.

use super::Engine;
use super::children::Children;
use super::config;
use super::ports::{Ports, local};
use super::running::{Outcome, Wait};
use super::signals::Stop;
use super::state::State;
use super::taken;
use crate::layout::Layout;
use crate::setup::{embedding_model, model};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A model is read and requantised once; on a busy machine that takes a while.
const WORKER_LIMIT: Duration = Duration::from_secs(180);
/// What is on disk is opened, and checked if it was not closed.
const CACHE_TIER_LIMIT: Duration = Duration::from_secs(30);
/// Envoy compiles the modules before it is ready.
const ENVOY_LIMIT: Duration = Duration::from_secs(60);
/// From Envoy's readiness to the first answer of a worker through it.
const API_LIMIT: Duration = Duration::from_secs(30);

/// Everything that is needed, and where.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) ports: &'a Ports,
    pub(super) folder: PathBuf,
    pub(super) filters: PathBuf,
    pub(super) envoy: PathBuf,
    pub(super) envoy_workers: u16,
    pub(super) worker: PathBuf,
    pub(super) cache_tier: PathBuf,
    pub(super) engine: Engine,
    pub(super) models: Option<Models>,
    pub(super) detach: bool,
}

/// What real workers serve.
#[derive(Debug)]
pub(super) struct Models {
    text: PathBuf,
    embedding: PathBuf,
}

impl Models {
    /// Fetches what is missing.
    pub(super) fn ensure(layout: &Layout) -> Result<Self> {
        Ok(Self { text: model::ensure(layout)?, embedding: embedding_model::ensure(layout)? })
    }
}

/// Starts all and waits for all. The state is written after each start: whatever happens, `down` finds it.
pub(super) fn start(
    plan: &Plan<'_>,
    port_base: u16,
    stop: &Stop,
    children: &mut Children,
) -> Result<Outcome> {
    std::fs::create_dir_all(&plan.folder)
        .with_context(|| format!("{} cannot be made", plan.folder.display()))?;
    taken::refuse(plan.ports)?;
    let note = |children: &Children| State::of(port_base, children, true).write(&plan.folder);

    plan.start_cache_tier(children)?;
    note(children)?;
    let (first, rest) = plan.ports.workers.split_at(usize::from(plan.models.is_some()));
    // The first one leaves the requantised model beside the original; the others find it there.
    for ports in [first, rest] {
        for port in ports {
            plan.start_worker(*port, children)?;
            note(children)?;
        }
        for port in ports {
            let wait =
                Wait { name: &name(*port), address: local(*port), path: "/ready", limit: WORKER_LIMIT };
            if wait.run(children, stop)? == Outcome::Stopped {
                return Ok(Outcome::Stopped);
            }
        }
    }

    plan.start_envoy(children)?;
    note(children)?;
    let Ports { admin, api, cache_tier, .. } = plan.ports;
    let [admin, api, cache_tier] = [admin, api, cache_tier].map(|port| local(*port));
    for wait in [
        Wait { name: "the cache tier", address: cache_tier, path: "/ready", limit: CACHE_TIER_LIMIT },
        Wait { name: "Envoy", address: admin, path: "/ready", limit: ENVOY_LIMIT },
        Wait { name: "the API", address: api, path: "/v1/models", limit: API_LIMIT },
    ] {
        if wait.run(children, stop)? == Outcome::Stopped {
            return Ok(Outcome::Stopped);
        }
    }
    Ok(Outcome::Ready)
}

impl Plan<'_> {
    fn start_worker(&self, port: u16, children: &mut Children) -> Result<()> {
        let mut command = Command::new(&self.worker);
        command.args(["--listen", &local(port).to_string(), "--engine", self.engine.as_str()]);
        // A person who presses Ctrl-C does not wait for an answer any more.
        command.args(["--drain-timeout-s", "2"]);
        if let Some(Models { text, embedding }) = &self.models {
            command.arg("--model-file").arg(text).arg("--embedding-model-dir").arg(embedding);
        }
        children.start(&name(port), &mut command, self.folder.join(format!("worker-{port}.log")))
    }

    /// What it has on disk outlives this set-up, so that what was computed once is there the next time too.
    fn start_cache_tier(&self, children: &mut Children) -> Result<()> {
        let mut command = Command::new(&self.cache_tier);
        command.args(["--listen", &local(self.ports.cache_tier).to_string()]);
        command.arg("--disk-dir").arg(self.folder.join("cache"));
        children.start("the cache tier", &mut command, self.folder.join("cache-tier.log"))
    }

    fn start_envoy(&self, children: &mut Children) -> Result<()> {
        let config = config::write(self)?;
        let mut command = Command::new(&self.envoy);
        command.arg("-c").arg(config).args(["--concurrency", &self.envoy_workers.to_string()]);
        // Another Envoy on this machine is none of this one's business. With hot restart on, Envoy ends when the process
        // that started it does: wanted while that one stays, and fatal where it is meant to leave.
        command.arg(if self.detach { "--disable-hot-restart" } else { "--use-dynamic-base-id" });
        command.args(["--log-level", "warning"]);
        children.start("Envoy", &mut command, self.folder.join("envoy.log"))
    }
}

fn name(port: u16) -> String {
    format!("worker {port}")
}
