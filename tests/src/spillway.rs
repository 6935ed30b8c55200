//! What runs in a test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Client, Discovery, Envoy, Port, Stats, Worker, eventually, hurry};

/// When a gauge was seen and the clock in Envoy has moved on by so many whole seconds, every VM has looked in between.
const EVERY_VM_LOOKED: u64 = 2;

/// Envoy with Spillway's filters, and the inference workers behind it.
#[derive(Debug)]
pub struct Spillway {
    /// A client of the API.
    pub client: Client,
    /// Envoy.
    pub envoy: Envoy,
    /// The inference workers.
    pub workers: Vec<Worker>,
    /// What comes from files.
    pub discovery: Discovery,
    /// Envoy's configuration, with what comes from files still in its place.
    pub config: Value,
    api: Port,
    _admin: Port,
    folder: TempDir,
}

impl Spillway {
    pub(crate) fn new(
        config: Value,
        api: Port,
        admin: Port,
        envoy: Envoy,
        workers: Vec<Worker>,
        discovery: Discovery,
        folder: TempDir,
    ) -> Self {
        let client = Client::new(api.address());
        Self { client, envoy, workers, discovery, config, api, _admin: admin, folder }
    }

    /// Where the API listens.
    #[must_use]
    pub fn api(&self) -> SocketAddr {
        self.api.address()
    }

    /// A folder of this run, for files of the test's own.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All counters and gauges of Envoy.
    pub async fn stats(&self) -> Stats {
        self.envoy.stats().await
    }

    /// Waits until so many endpoints of a pool may be chosen, and every VM knows: each looks once a second.
    pub async fn until_eligible(&mut self, pool: &str, count: usize) {
        let [eligible, refreshed] = ["eligible_endpoints", "membership_refreshed_seconds"]
            .map(|noun| format!("spillway.pool.{pool}.{noun}"));
        let seen = eventually(&eligible, hurry(), async || {
            assert!(self.envoy.ended().is_none(), "envoy has ended");
            let stats = self.envoy.stats().await;
            let seen = stats.own(&eligible);
            if seen == count as u64 {
                Ok(stats.own(&refreshed))
            } else {
                Err(format!("{seen}, expected {count}"))
            }
        })
        .await;
        self.until_at_least(&refreshed, seen + EVERY_VM_LOOKED).await;
    }

    /// Waits until every VM knows that attempts are booked: before, two filters may both count the same attempt,
    /// which does no harm but is not what a test wants to see.
    pub async fn until_booked(&self, pool: &str) {
        let [booked, refreshed] = ["attempts_booked_seconds", "membership_refreshed_seconds"]
            .map(|noun| format!("spillway.pool.{pool}.{noun}"));
        let seen = self.until_at_least(&booked, 1).await;
        self.until_at_least(&refreshed, seen + EVERY_VM_LOOKED).await;
    }

    async fn until_at_least(&self, gauge: &str, least: u64) -> u64 {
        eventually(gauge, hurry(), async || {
            let seen = self.envoy.stats().await.own(gauge);
            if seen >= least { Ok(seen) } else { Err(format!("{seen}, expected at least {least}")) }
        })
        .await
    }

    /// Waits until nothing is in flight in any pool.
    pub async fn until_idle(&self, within: Duration) {
        eventually("every in_flight gauge is zero", within, async || {
            let stats = self.stats().await;
            let busy = busy(&stats);
            if busy.is_empty() { Ok(()) } else { Err(format!("{busy:?}")) }
        })
        .await;
    }

    /// The last line of the access log that holds `text`, when it is there.
    pub async fn access_log_line(&self, text: &str) -> String {
        eventually(&format!("{text:?} in the access log"), hurry(), async || {
            let log = self.envoy.access_log();
            log.lines().rfind(|line| line.contains(text)).map(str::to_owned).ok_or_else(|| log.clone())
        })
        .await
    }

    /// How every test ends: nothing is left in flight, nothing was counted down twice, no filter trapped.
    ///
    /// # Panics
    ///
    /// When something is wrong.
    pub async fn end(self) {
        self.end_after_traps(0).await;
    }

    /// How a test ends in which filters trapped on purpose.
    ///
    /// # Panics
    ///
    /// When something is wrong.
    pub async fn end_after_traps(mut self, traps: u64) {
        assert!(self.envoy.ended().is_none(), "envoy has ended");
        self.until_idle(hurry()).await;
        let stats = self.stats().await;
        assert_eq!(stats.own("spillway.books.below_zero_total"), 0, "counted down twice");
        let reloads: u64 =
            stats.matching("wasm.", "").filter(|(name, _)| name.contains("reload")).map(|(_, n)| n).sum();
        let panics = self.envoy.log().matches("panicked at").count() as u64;
        if traps == 0 {
            assert_eq!((reloads, panics), (0, 0), "reloads and panics");
        } else {
            assert_eq!(panics, traps, "panics");
        }
    }
}

fn busy(stats: &Stats) -> BTreeMap<&str, u64> {
    stats.matching("wasmcustom.spillway.pool.", ".in_flight").filter(|(_, count)| *count > 0).collect()
}
