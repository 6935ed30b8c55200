//! Envoy's configuration: the one that people copy, on this set-up's ports.

use super::ports::local;
use super::start::Plan;
use anyhow::{Context, Result};
use spillway_envoy::Placement;
use std::path::PathBuf;

/// Writes it beside the logs and returns where.
pub(super) fn write(plan: &Plan<'_>) -> Result<PathBuf> {
    let placement = Placement {
        api_port: plan.ports.api,
        admin_port: plan.ports.admin,
        cache_tier_port: plan.ports.cache_tier,
        filters_dir: plan.filters.clone(),
        workers: plan.ports.workers.iter().copied().map(local).collect(),
    };
    let config = placement.render().context("Envoy's configuration cannot be placed")?;
    let file = plan.folder.join("envoy.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&config)?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}
