//! A cache tier that was started for a test.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use tempfile::TempDir;

use crate::{Client, Port, Process, eventually, hurry, parts};

const STORED: &str = "spillway_cache_tier_requests_total{request=\"store\",outcome=\"stored\"}";

/// A running cache tier.
#[derive(Debug)]
pub struct CacheTier {
    port: Port,
    process: Process,
    options: Vec<OsString>,
    folder: TempDir,
}

impl CacheTier {
    /// Starts one with memory and disk and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub async fn start() -> Self {
        let folder = TempDir::with_prefix("spillway-tier-").unwrap();
        let options = vec!["--disk-dir".into(), folder.path().join("cache").into()];
        Self::start_in(folder, options).await
    }

    /// Starts one with memory and these options and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    pub async fn start_with(options: &[String]) -> Self {
        let folder = TempDir::with_prefix("spillway-tier-").unwrap();
        Self::start_in(folder, options.iter().map(OsString::from).collect()).await
    }

    async fn start_in(folder: TempDir, options: Vec<OsString>) -> Self {
        let port = Port::free();
        let process = process(&port, &options, &folder);
        let mut tier = Self { port, process, options, folder };
        tier.until_ready().await;
        tier
    }

    /// The value of a metric, by its name with labels; 0 for one that is not there.
    ///
    /// # Panics
    ///
    /// When it does not say.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = Client::new(self.port.address()).get("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until it has taken so many entries: Envoy counts a write when it is sent, which is before.
    pub async fn until_stored(&self, entries: u32) {
        eventually("the cache tier has the entries", hurry(), async || {
            let stored = self.metric(STORED).await;
            if stored >= f64::from(entries) { Ok(()) } else { Err(format!("{stored} of {entries}")) }
        })
        .await;
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it, and starts it again in the same place, with what it has on disk.
    pub async fn restart(&mut self) {
        self.process.terminate();
        eventually("the cache tier has ended", Duration::from_secs(20), async || {
            self.process.ended().map(drop).ok_or("it runs")
        })
        .await;
        self.process = process(&self.port, &self.options, &self.folder);
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let client = Client::new(self.port.address());
        eventually("the cache tier is ready", Duration::from_secs(30), async || {
            assert!(self.process.ended().is_none(), "the cache tier has ended");
            match client.try_send(Request::get("/ready").body(Full::default()).unwrap()).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("status {}", answer.status)),
                Err(error) => Err(error),
            }
        })
        .await;
    }
}

fn process(port: &Port, options: &[OsString], folder: &TempDir) -> Process {
    let mut command = Command::new(parts::cache_tier());
    command.arg("--listen").arg(port.address().to_string()).args(options);
    Process::start("cache-tier", command, folder.path())
}
