//! The books of each pool of endpoints, shared by all Envoy workers and by every filter.
//!
//! What changes per request is in Envoy gauges, one set per endpoint ([`View`] finds them). Who the endpoints are is
//! in one table per pool ([`spillway_routing::table`]), changed by compare-and-swap. What a VM has counted and not
//! yet given back is in its shares (`share.rs`), under a lease, so that others can take it back when the VM traps.
//!
//! Whether an endpoint's circuit is open is in records of their own ([`spillway_breaker`]); a gauge moves when one
//! changes, so that everybody follows at once (`circuits/`).
//!
//! Every filter that picks, books or limits stands on this crate; it decides nothing about requests itself.

mod attempt;
mod circuits;
mod keys;
mod pools;
mod registry;
mod repair;
mod reports;
mod settings;
mod share;
mod view;

pub use attempt::{Attempt, Outcome};
pub use circuits::{Go, Probe, Scope};
pub use pools::Pools;
pub use reports::ReportedLoad;
pub use settings::{Choice, Settings};
pub use view::{PoolId, View};

#[cfg(test)]
mod tests;
