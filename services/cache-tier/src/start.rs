//! From options to tiers.

use crate::budgets::{Adder, Budgets};
use crate::cache::Cache;
use crate::cli::Args;
use crate::leases::Leases;
use crate::metrics::Metrics;
use crate::purge::Marks;
use crate::tier::{Disk, Layer, LayerConfig, Redis, Shared, Store};
use spillway_contract::cache::protocol::Tier;
use std::sync::Arc;
use std::time::Duration;

/// How often the purges that wait for the disk are tried again.
const DISK_MARKS_EVERY: Duration = Duration::from_secs(1);

/// The tiers that the options ask for, and where budgets are added up.
///
/// # Errors
/// When options make no sense, a file cannot be read, or the disk cannot be used. A tier elsewhere that cannot be
/// reached is no error. Called from within a runtime.
pub fn parts(args: &Args) -> anyhow::Result<(Arc<Cache>, Budgets)> {
    let metrics = Arc::new(Metrics::default());
    let marks = Arc::new(Marks::new(args.tiers.mark_limits(all_ttls(args))));
    let seal = Arc::new(args.seal.seal(args.server.max_entry_bytes)?);
    let shared = Shared { seal, marks: Arc::clone(&marks), metrics: Arc::clone(&metrics) };
    let mut layers = Vec::new();
    let mut adder = Adder::Memory(args.memory.budgets());
    if let Some(config) = args.disk.config(args.server.max_entry_bytes) {
        let config_of_layer = args.tiers.layer(args.disk.times(), DISK_MARKS_EVERY);
        let disk = Arc::new(Disk::open(config)?);
        layers.push(Layer::new(Tier::Disk, disk, config_of_layer, shared.clone()));
    }
    if let Some(config) = args.redis.config()? {
        let config_of_layer = args.tiers.layer(args.redis.times(), args.redis.marks_every());
        let redis = Arc::new(Redis::start(&config)?);
        adder = Adder::Redis(Arc::clone(&redis), config.timeout);
        layers.push(Layer::new(Tier::Redis, redis, config_of_layer, shared.clone()));
    }
    if let Some(config) = args.store.config(args.server.max_entry_bytes)? {
        let config_of_layer = LayerConfig {
            sweep_every: args.store.sweep_every(),
            ..args.tiers.layer(args.store.times(), args.store.marks_every())
        };
        let store = Arc::new(Store::new(&config)?);
        layers.push(Layer::new(Tier::Store, store, config_of_layer, shared.clone()));
    }
    let leases = Leases::new(args.memory.lease_limits(), Arc::clone(&marks));
    let budgets = Budgets::new(adder, Arc::clone(&metrics));
    Ok((Cache::new(args.memory.memory(), layers, marks, leases, metrics), budgets))
}

/// An entry that goes from the last tier to the first lives no longer than all their times together.
fn all_ttls(args: &Args) -> Duration {
    args.memory.ttl() + args.disk.times().0 + args.redis.times().0 + args.store.times().0
}
