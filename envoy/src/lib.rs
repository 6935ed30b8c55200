//! The shipped Envoy configuration, and how to place it on other ports and paths.
//!
//! `spillway.yaml` in this folder is what people copy. `cargo xtask up` and the tests start the same file: they read
//! it here, change the few things that differ on their machine, and write it as JSON, which Envoy reads as well. So
//! the shipped file cannot rot unseen. `docker.yaml`, for the compose file, is made from it ([`docker()`]), and the
//! patches in `deploy/istio` are held against it ([`istio`]). What this crate does not do: check the configuration;
//! Envoy does.

mod docker;
mod filters;
pub mod istio;
mod placement;

pub use docker::docker;
pub use filters::FilterConfigs;
pub use placement::{Placement, PlacementError};

/// The shipped configuration, as it stands in the repository.
pub const SPILLWAY_YAML: &str = include_str!("../spillway.yaml");

/// A configuration, as JSON.
///
/// # Errors
///
/// What is wrong with the YAML, and where.
pub fn read(yaml: &str) -> Result<serde_json::Value, PlacementError> {
    serde_saphyr::from_str(yaml).map_err(|error| PlacementError::Yaml(error.to_string()))
}
