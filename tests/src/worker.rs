//! An inference worker that was started for a test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use spillway_contract::metrics::label;

use crate::{Client, Port, Process, eventually, parts};

/// A running inference worker.
#[derive(Debug)]
pub struct Worker {
    port: Port,
    arguments: Vec<OsString>,
    name: String,
    folder: PathBuf,
    process: Process,
}

/// What a worker has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that ended, by how.
    pub ended: BTreeMap<String, u64>,
    /// Requests that run or wait.
    pub in_flight: u64,
}

impl Counts {
    /// All requests that ended.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ended.values().sum()
    }
}

impl Worker {
    /// Starts a worker; it is not ready yet.
    pub(crate) fn start(number: usize, arguments: Vec<OsString>, folder: &Path) -> Self {
        let port = Port::free();
        let name = format!("worker-{number}");
        let process = Process::start(&name, command(&port, &arguments), folder);
        Self { port, arguments, name, folder: folder.to_owned(), process }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its address as it stands in metric names.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.address().to_string())
    }

    /// A client that goes past Envoy.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Waits until it takes requests.
    ///
    /// # Panics
    ///
    /// When it ends, or does not get ready within a minute.
    pub async fn until_ready(&mut self) {
        let client = self.client();
        eventually(&format!("{} is ready", self.name), Duration::from_secs(60), async || {
            assert!(self.process.ended().is_none(), "{} has ended", self.name);
            match client.try_send(Request::get("/ready").body(Full::default()).unwrap()).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("status {}", answer.status)),
                Err(error) => Err(error),
            }
        })
        .await;
    }

    /// Makes the simulated engine behave otherwise. What `change` does not name is as it was at the start.
    ///
    /// # Panics
    ///
    /// When the worker refuses.
    pub async fn behave(&self, change: Value) {
        let put = Request::put("/simulated/behaviour").header("content-type", "application/json");
        let answer = self.client().send(put.body(Full::from(change.to_string())).unwrap()).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.text());
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, in the same place.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Process::start(&self.name, command(&self.port, &self.arguments), &self.folder);
        self.until_ready().await;
    }

    /// What it has counted since it was started.
    ///
    /// # Panics
    ///
    /// When it does not say.
    pub async fn counts(&self) -> Counts {
        let answer = self.client().get("/metrics").await;
        assert_eq!(answer.status, 200);
        let mut counts = Counts::default();
        for line in answer.text().lines() {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            if let Some(labels) = name.strip_prefix("spillway_worker_requests_total{") {
                let outcome = labels.trim_end_matches('}').to_owned();
                counts.ended.insert(outcome, whole(value));
            } else if name == "spillway_worker_requests_in_flight" {
                counts.in_flight = whole(value);
            }
        }
        counts
    }

    /// The time integral of its requests in flight since it was started, in seconds.
    ///
    /// # Panics
    ///
    /// When it does not say.
    pub async fn in_flight_seconds(&self) -> f64 {
        let answer = self.client().get("/metrics").await;
        assert_eq!(answer.status, 200);
        let text = answer.text();
        let name = "spillway_worker_requests_in_flight_seconds_total ";
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {name}in {text}"))
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log() + &self.process.output()
    }
}

fn command(port: &Port, arguments: &[OsString]) -> Command {
    let mut command = Command::new(parts::worker());
    command.arg("--listen").arg(port.address().to_string()).args(arguments);
    command
}

/// A count as Prometheus writes it: `3` or `3.0`.
fn whole(value: &str) -> u64 {
    let digits = value.split('.').next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("not a count: {value}"))
}
