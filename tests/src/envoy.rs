//! An Envoy that was started for a test.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};

use http_body_util::Full;
use hyper::Request;
use serde_json::Value;

use crate::{Client, Host, Process, Stats, eventually, hosts, hurry, parts};

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: Client,
}

impl Envoy {
    /// Starts Envoy; it is not ready yet.
    #[must_use]
    pub fn start(config: &Value, admin: SocketAddr, workers: u32, folder: &Path) -> Self {
        let file = folder.join("envoy.json");
        fs::write(&file, serde_json::to_string_pretty(config).unwrap()).unwrap();
        let mut command = Command::new(parts::envoy());
        command.arg("-c").arg(file).args(["--concurrency", &workers.to_string()]);
        command.args(["--use-dynamic-base-id", "-l", "warning", "--component-log-level", "wasm:info"]);
        // The access log is to be there when a test looks.
        command.args(["--file-flush-interval-msec", "50"]);
        Self { process: Process::start("envoy", command, folder), admin: Client::new(admin) }
    }

    /// Waits until its listeners serve. False when it ended instead.
    pub async fn until_ready(&mut self) -> bool {
        eventually("envoy is ready", hurry(), async || {
            if self.process.ended().is_some() {
                return Ok(false);
            }
            match self.admin.try_send(Request::get("/ready").body(Full::default()).unwrap()).await {
                Ok(answer) if answer.status == 200 => Ok(true),
                Ok(answer) => Err(format!("{}: {}", answer.status, answer.text())),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Waits until it ended.
    ///
    /// # Panics
    ///
    /// When it goes on.
    pub async fn until_ended(&mut self) -> ExitStatus {
        eventually("envoy ended", hurry(), async || self.process.ended().ok_or("it runs")).await
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// All counters and gauges.
    ///
    /// # Panics
    ///
    /// When the admin interface does not answer.
    pub async fn stats(&self) -> Stats {
        Stats::read(&self.admin("/stats").await)
    }

    /// What it has counted for each endpoint of a cluster.
    ///
    /// # Panics
    ///
    /// When the admin interface does not answer.
    pub async fn hosts(&self, cluster: &str) -> BTreeMap<SocketAddr, Host> {
        hosts::read(&self.admin("/clusters?format=json").await, cluster)
    }

    /// What the admin interface answers.
    ///
    /// # Panics
    ///
    /// When it does not, or with another status than 200.
    pub async fn admin(&self, path: &str) -> String {
        let answer = self.admin.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Its access log so far.
    #[must_use]
    pub fn access_log(&self) -> String {
        self.process.output()
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}
