//! `/metrics`: what the cache tier shows there.

use super::Metrics;
use crate::budgets::Budgets;
use crate::cache::Cache;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use spillway_serving::exposition::{Exposition, count};
use std::fmt;
use std::sync::Arc;

/// The counters, and what the cache knows about itself.
#[must_use]
pub fn exposition(metrics: &Metrics, cache: Arc<Cache>, budgets: Arc<Budgets>) -> Exposition {
    let mut registry = Registry::with_prefix("spillway_cache_tier");
    registry.register("requests", "Requests that ended, by how", metrics.requests.clone());
    registry.register("lookups", "Lookups, by the tier that had the entry", metrics.lookups.clone());
    registry.register_with_unit(
        "lookup_duration",
        "How long lookups took, through all tiers",
        Unit::Seconds,
        metrics.lookup_s.clone(),
    );
    registry.register("operations", "What tiers behind memory were asked to do", metrics.operations.clone());
    registry.register_with_unit(
        "operation_duration",
        "How long that took",
        Unit::Seconds,
        metrics.operation_s.clone(),
    );
    registry.register(
        "unreadable_entries",
        "Entries that were damaged or not ours",
        metrics.unreadable.clone(),
    );
    registry.register("writes_dropped", "Changes that were not made", metrics.writes_dropped.clone());
    registry.register("lease_events", "What became of leases", metrics.leases.clone());
    registry.register("purges", "Purges, by scope", metrics.purges.clone());
    let help = "Tenants whose use of budgets was told, by what became of it";
    registry.register("budgets_told", help, metrics.budgets.clone());
    registry.register_collector(Box::new(AtScrape { cache, budgets }));
    Exposition::new(registry)
}

/// What is asked for when somebody looks.
#[derive(Debug)]
struct AtScrape {
    cache: Arc<Cache>,
    budgets: Arc<Budgets>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TierLabel {
    tier: &'static str,
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let cache = &self.cache;
        let (bytes, entries) = cache.memory.usage();
        let mut sizes = vec![("memory", bytes, entries)];
        let usages = cache.layers.iter().filter_map(|layer| Some((layer.tier().as_str(), layer.usage()?)));
        sizes.extend(usages.map(|(tier, (bytes, entries))| (tier, bytes, entries)));
        let loads: Vec<_> = cache.layers.iter().map(|layer| (layer.tier().as_str(), layer.load())).collect();

        let rows = sizes.iter().map(|(tier, bytes, _)| (*tier, large(*bytes)));
        gauges(&mut encoder, "bytes", "How much a tier holds; of disk, the size of its file.", rows)?;
        let rows = sizes.iter().map(|(tier, _, entries)| (*tier, large(*entries)));
        gauges(&mut encoder, "entries", "How many entries a tier holds.", rows)?;
        let rows = loads.iter().map(|(tier, (changes, _))| (*tier, count(*changes)));
        gauges(&mut encoder, "queue_changes", "Changes that wait to be written.", rows)?;
        let rows = loads.iter().map(|(tier, (_, bytes))| (*tier, count(*bytes)));
        gauges(&mut encoder, "queue_bytes", "Bytes that wait to be written.", rows)?;
        let layers = cache.layers.iter();
        let rows = layers.clone().map(|layer| (layer.tier().as_str(), large(layer.circuit().as_gauge())));
        gauges(&mut encoder, "circuit", "Of a tier as a whole: 0 closed, 1 half-open, 2 open.", rows)?;
        let rows = layers.clone().map(|layer| (layer.tier().as_str(), count(layer.isolated())));
        gauges(&mut encoder, "isolated_parts", "Parts of a tier that are left alone or probed.", rows)?;
        let rows =
            layers.clone().map(|layer| (layer.tier().as_str(), f64::from(u8::from(layer.knows_marks()))));
        gauges(&mut encoder, "marks_known", "1 when a tier's purges are known, so that it is read.", rows)?;
        let rows = layers.map(|layer| (layer.tier().as_str(), count(layer.unsent_marks())));
        gauges(&mut encoder, "marks_unsent", "Purges that a tier was not told yet.", rows)?;
        for (name, help, value) in [
            ("leases", "Leases that are out.", cache.leases.count()),
            ("lease_waiting", "Requests that wait for an entry or a lease.", cache.leases.waiting()),
            ("marks", "Purges that still count.", cache.marks.count()),
            ("budgets", "Tenants whose budgets are added up in memory.", self.budgets.count()),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(count(value)).encode(metric)?;
        }
        Ok(())
    }
}

/// One gauge, with a value for each tier.
fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = (&'static str, f64)>,
) -> Result<(), fmt::Error> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (tier, value) in rows {
        ConstGauge::new(value).encode(metric.encode_family(&TierLabel { tier })?)?;
    }
    Ok(())
}

/// Exact up to 2^53, which is more bytes than anybody has.
fn large(value: u64) -> f64 {
    let (high, low) = (u32::try_from(value >> 32), u32::try_from(value & u64::from(u32::MAX)));
    f64::from(high.unwrap_or(u32::MAX)) * 4_294_967_296.0 + f64::from(low.unwrap_or(u32::MAX))
}
