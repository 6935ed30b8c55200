//! The program itself, as a process of its own, and what is asked of it.

use spillway_contract::cache::entry::Entry;
use spillway_contract::cache::protocol::{LEASE_HEADER, Lookup, Purge, entry_path, lease_path};
use spillway_fixtures::{Client, Reply, RequestParts, Service, eventually, metric};
use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

/// A cache tier as a process.
pub(crate) struct CacheTier {
    service: Service,
    address: Option<SocketAddr>,
}

impl CacheTier {
    /// Starts the program on a free port, unless the arguments say otherwise, and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut tier = Self::launch(Command::new(Self::program()), arguments);
        tier.wait_for_address();
        tier
    }

    pub(crate) fn program() -> &'static str {
        env!("CARGO_BIN_EXE_spillway-cache-tier")
    }

    /// Starts it with that command, and does not wait.
    pub(crate) fn launch(command: Command, arguments: &[&str]) -> Self {
        Self { service: Service::launch(command, arguments), address: None }
    }

    #[track_caller]
    pub(crate) fn wait_for_address(&mut self) {
        self.address = Some(self.service.address());
    }

    pub(crate) fn log(&self) -> String {
        self.service.log()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn terminate(&mut self) {
        self.service.terminate();
    }

    /// Tells it to stop, and waits until it has.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.terminate();
        assert_eq!(self.wait().code(), Some(0), "{}", self.log());
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(mut self) {
        self.service.kill();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.service.wait()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address())
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.client().send(&RequestParts { method, path, headers, body }).reply()
    }

    pub(crate) fn get_path(&self, path: &str) -> Reply {
        self.request("GET", path, &[], b"")
    }

    pub(crate) fn get(&self, key: &[u8; 32]) -> Reply {
        self.get_path(&entry_path(key))
    }

    pub(crate) fn look_up(&self, key: &[u8; 32], lookup: Lookup) -> Reply {
        self.get_path(&lookup.path(key))
    }

    pub(crate) fn put(&self, entry: &Entry) -> Reply {
        self.request("PUT", &entry_path(&entry.key), &[], &entry.encode().unwrap())
    }

    /// Stores an entry that must be taken.
    #[track_caller]
    pub(crate) fn store(&self, entry: &Entry) {
        let reply = self.put(entry);
        assert_eq!(reply.status, 204, "{reply:?}");
    }

    pub(crate) fn put_with_lease(&self, entry: &Entry, token: &str) -> Reply {
        let headers = &[(LEASE_HEADER, token)];
        self.request("PUT", &entry_path(&entry.key), headers, &entry.encode().unwrap())
    }

    pub(crate) fn give_back(&self, key: &[u8; 32], token: &str) -> Reply {
        self.request("DELETE", &lease_path(key), &[(LEASE_HEADER, token)], b"")
    }

    pub(crate) fn purge(&self, purge: &Purge) -> Reply {
        self.request("DELETE", &purge.path(), &[], b"")
    }

    /// The value of a metric, by its name with labels; 0 if it is not there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        metric(self.address(), name).unwrap_or(0.0)
    }

    /// Waits until nothing waits to be written.
    #[track_caller]
    pub(crate) fn wait_until_written(&self) {
        eventually("everything is written", || {
            let text = self.get_path("/metrics").text();
            let mut queues =
                text.lines().filter_map(|line| line.strip_prefix("spillway_cache_tier_queue_changes{"));
            queues.all(|line| line.ends_with(" 0.0"))
        });
    }
}
