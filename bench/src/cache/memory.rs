//! What Envoy's memory grows by when very many distinct prompts go through a bounded cache.

use anyhow::{Context, Result};
use serde_json::json;
use spillway_harness::Spillway;
use spillway_harness::load::{Arrivals, Load, Until};

use super::Options;
use super::proxies::{Proxy, body};
use crate::bar::{self, Bar};
use crate::cost::chat;
use crate::overhead::upstream::{self, Answer};
use crate::table::Table;

const BOUND: u64 = 64 << 20;
/// So long that bytes are the bound, and not the number of entries.
const LONG: Answer = Answer { cache_control: None, padding: 1_200 };
const MIB: f64 = 1_048_576.0;

pub(super) async fn run(options: &Options) -> Result<()> {
    let upstreams = vec![upstream::start_with(LONG).await?, upstream::start_with(LONG).await?];
    let config = json!({ "max_bytes": BOUND, "max_entries": 65_536 });
    let idle = Proxy::Cache.start(upstreams.clone(), config.clone()).await;
    let cache = Proxy::Cache.start(upstreams, config).await;
    // What a VM allocates with its first requests is no entry's.
    for proxy in [&idle, &cache] {
        pass(proxy, 0, 200).await;
    }
    let resident = |spillway: &Spillway| resident_bytes(spillway.envoy.id());
    let before = resident(&cache)?;
    let idle_bytes = resident(&idle)?;
    pass(&cache, 1_000, options.prompts).await;
    let first = resident(&cache)?;
    let held = cache.stats().await.own("spillway.response_cache.memory_bytes");
    pass(&cache, 1_000 + options.prompts, options.prompts).await;
    let second = resident(&cache)?;
    idle.end().await;
    cache.end().await;
    let growth = first - idle_bytes;
    let mut table = Table::new(
        format!(
            "Resident memory of Envoy, MiB; {} distinct prompts twice, bound {} MiB",
            options.prompts,
            BOUND >> 20
        ),
        &["idle, same filters", "before", "after the first", "after the second", "entries by the gauge"],
    );
    let mib = |bytes: f64| format!("{:.1}", bytes / MIB);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let held = held as f64;
    table.row([mib(idle_bytes), mib(before), mib(first), mib(second), mib(held)]);
    table.publish("cache-memory")?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let most = 1.2 * (BOUND as f64) / MIB + 16.0;
    bar::print(&[
        Bar::at_most(most, "growth over an idle Envoy, MiB", Some(growth / MIB)),
        Bar::at_most(1.02, "resident after the second pass ÷ after the first", Some(second / first)),
    ]);
    Ok(())
}

async fn pass(spillway: &Spillway, from: u64, prompts: u64) {
    let clients = Arrivals::Closed { clients: 16 };
    let load = Load::new(&spillway.client, clients, Until::Requests(prompts), move |number| {
        chat(body(from + number, 200))
    });
    load.run().await;
}

/// Of a process (Linux).
fn resident_bytes(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("no such process")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024.0)
}
