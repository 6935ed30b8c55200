//! Which port is whose.
//!
//! The API is on 10000 and everything else at fixed places around it; `--port-base` is the API's port, and every port
//! moves by the same distance: with 20000 the admin interface is on 19901 and the first worker on 18001.

use clap::builder::RangedI64ValueParser;
use std::net::{Ipv4Addr, SocketAddr};

/// The API's port where nothing else is asked for.
pub(super) const DEFAULT_BASE: u16 = 10_000;

const ADMIN_BELOW: u16 = 99;
const FIRST_WORKER_BELOW: u16 = 1_999;
/// The highest of all.
const CACHE_TIER_ABOVE: u16 = 90;
const LOWEST_UNPRIVILEGED: u16 = 1_024;

/// The ports of one set-up, all on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ports {
    /// HTTP, through all filters.
    pub(super) api: u16,
    /// Envoy's admin interface.
    pub(super) admin: u16,
    /// The cache tier.
    pub(super) cache_tier: u16,
    /// One inference worker each.
    pub(super) workers: Vec<u16>,
}

/// Bases with which every port is one that anybody may listen on.
pub(super) fn base_range() -> RangedI64ValueParser<u16> {
    let (lowest, highest) = (LOWEST_UNPRIVILEGED + FIRST_WORKER_BELOW, u16::MAX - CACHE_TIER_ABOVE);
    clap::value_parser!(u16).range(i64::from(lowest)..=i64::from(highest))
}

impl Ports {
    /// For a base out of `base_range`.
    pub(super) fn at(base: u16, workers: u16) -> Self {
        let first = base.saturating_sub(FIRST_WORKER_BELOW);
        Self {
            api: base,
            admin: base.saturating_sub(ADMIN_BELOW),
            cache_tier: base.saturating_add(CACHE_TIER_ABOVE),
            workers: (first..first.saturating_add(workers)).collect(),
        }
    }

    /// All of them, with what each is for.
    pub(super) fn all(&self) -> Vec<(u16, &'static str)> {
        let fixed = [
            (self.api, "the API"),
            (self.admin, "Envoy's admin interface"),
            (self.cache_tier, "the cache tier"),
        ];
        let workers = self.workers.iter().map(|port| (*port, "an inference worker"));
        fixed.into_iter().chain(workers).collect()
    }
}

/// A port on loopback.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_BASE, Ports};

    #[test]
    fn the_fixed_names_hold_at_the_default() {
        let ports = Ports { api: 10_000, admin: 9901, cache_tier: 10_090, workers: vec![8001, 8002, 8003] };
        assert_eq!(Ports::at(DEFAULT_BASE, 3), ports);
    }

    #[test]
    fn every_port_moves_by_the_same_distance() {
        let ports = Ports { api: 20_000, admin: 19_901, cache_tier: 20_090, workers: vec![18_001] };
        assert_eq!(Ports::at(20_000, 1), ports);
        assert_eq!(Ports::at(3023, 1).workers, [1024]);
    }

    #[test]
    fn no_two_parts_share_a_port() {
        let mut all: Vec<u16> = Ports::at(DEFAULT_BASE, 64).all().into_iter().map(|(port, _)| port).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 67);
    }
}
