//! Options of memory and leases.

use super::{ranges, seconds, size};
use crate::budgets::Table;
use crate::leases::LeaseLimits;
use crate::tier::Memory;
use clap::Args;
use std::time::Duration;

/// What is kept in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct MemoryArgs {
    /// How much memory entries may take: 1048576 to 17592186044416
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MEMORY_MAX_BYTES", value_name = "BYTES", default_value_t = 268_435_456, value_parser = ranges::tier_bytes)]
    pub memory_max_bytes: u64,

    /// How long memory keeps an entry: 1 to 31536000. No tier keeps one longer than it is fresh and stale
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MEMORY_TTL_S", value_name = "SECONDS", default_value_t = 3600, value_parser = ranges::ttl_s)]
    pub memory_ttl_s: u32,

    /// How many leases may be out: 1 to 10000000. Beyond, whoever asks is told nothing, and computes
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_LEASES", value_name = "LEASES", default_value_t = 100_000, value_parser = ranges::at_least_one)]
    pub max_leases: u32,

    /// How many requests may wait for a lease: 0 to 10000000. Beyond, they are told at once that it is taken
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_WAITING", value_name = "REQUESTS", default_value_t = 2048, value_parser = ranges::count)]
    pub max_waiting: u32,

    /// Of how many tenants budgets are added up where there is no Redis: 1 to 10000000. Those of others are per Envoy
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_BUDGETS", value_name = "TENANTS", default_value_t = 100_000, value_parser = ranges::at_least_one)]
    pub max_budgets: u32,
}

impl MemoryArgs {
    /// The memory tier.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory::new(self.memory_max_bytes, self.ttl())
    }

    /// How long it keeps an entry.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        seconds(self.memory_ttl_s)
    }

    /// Budgets where there is no Redis.
    #[must_use]
    pub fn budgets(&self) -> Table {
        Table::new(size(self.max_budgets))
    }

    /// Bounds on leases.
    #[must_use]
    pub fn lease_limits(&self) -> LeaseLimits {
        LeaseLimits { max_leases: size(self.max_leases), max_waiting: size(self.max_waiting) }
    }
}
