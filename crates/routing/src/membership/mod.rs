//! Who belongs to a pool: read from Envoy's own membership, or from a list that the operator wrote.

mod admin;

pub use admin::{MembershipError, read_clusters};

/// An endpoint as the source of membership describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `ip:port`, IPv6 in brackets: as Envoy writes an address, and as `override_host` reads it.
    pub address: String,
    /// Whether it may be given new requests.
    pub standing: Standing,
    /// Envoy's load-balancing weight, at least 1.
    pub weight: u32,
    /// The locality's zone; empty where none is set.
    pub zone: String,
}

/// Whether a member may be given new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Healthy, or degraded: it may be chosen.
    Serving,
    /// A health check, outlier detection or the discovery service says no.
    Unhealthy,
    /// On its way out: what runs there may finish, nothing new begins.
    Draining,
}

impl Member {
    /// A member that serves, with weight 1 and no zone.
    #[must_use]
    pub fn serving(address: impl Into<String>) -> Self {
        Self { address: address.into(), standing: Standing::Serving, weight: 1, zone: String::new() }
    }
}
