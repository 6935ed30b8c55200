//! Redis servers as processes, alone or as a cluster.

use super::eventually;
use redis::Connection;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// One server.
pub(crate) struct RedisServer {
    child: Option<Child>,
    arguments: Vec<String>,
    dir: TempDir,
    port: u16,
}

impl RedisServer {
    pub(crate) fn start(more: &[&str]) -> Self {
        let mut server = Self::prepare(more);
        server.run();
        server.wait_until_ready();
        server
    }

    /// Everything but the process.
    pub(crate) fn prepare(more: &[&str]) -> Self {
        let port = free_port();
        let more = more.iter().map(ToString::to_string);
        Self { child: None, arguments: more.collect(), dir: tempfile::tempdir().unwrap(), port }
    }

    pub(crate) fn run(&mut self) {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(program("redis-server"));
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
        command.arg(self.port.to_string()).arg("--dir").arg(self.dir.path()).args(&self.arguments);
        self.child = Some(command.stdout(log).stderr(Stdio::null()).spawn().unwrap());
    }

    pub(crate) fn wait_until_ready(&self) {
        eventually("the Redis server answers", || {
            self.connect()
                .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection))
                .is_ok_and(|pong| pong == "PONG")
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connect(&self) -> redis::RedisResult<Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    /// Asks it something.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut cmd = redis::Cmd::new();
        command.iter().for_each(|word| {
            cmd.arg(*word);
        });
        cmd.query(&mut self.connect().unwrap()).unwrap()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.ask(&["KEYS", "spillway:e:*"])
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three masters with a replica each.
pub(crate) struct RedisCluster {
    pub(crate) nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) fn start() -> Self {
        let nodes: Vec<_> = (0..6).map(|_| Self::node()).collect();
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let mut command = Command::new(program("redis-cli"));
        command.args(["--cluster", "create"]).args(addresses);
        command.args(["--cluster-replicas", "1", "--cluster-yes"]);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let cluster = Self { nodes };
        eventually("every node knows the cluster, and every master has a replica", || {
            cluster.nodes.iter().all(|node| {
                let info: String = node.ask(&["CLUSTER", "INFO"]);
                let nodes: String = node.ask(&["CLUSTER", "NODES"]);
                info.contains("cluster_state:ok") && nodes.matches("slave ").count() == 3
            })
        });
        cluster
    }

    fn node() -> RedisServer {
        let bus = free_port().to_string();
        let mut node = RedisServer::prepare(&[
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes.conf",
            "--cluster-node-timeout",
            "2000",
            "--repl-diskless-sync-delay",
            "0",
            "--cluster-port",
            &bus,
        ]);
        node.run();
        node.wait_until_ready();
        node
    }

    /// Some of its nodes.
    pub(crate) fn urls(&self) -> String {
        self.nodes.iter().take(3).map(RedisServer::url).collect::<Vec<_>>().join(",")
    }

    /// The masters, as places in the list of nodes.
    pub(crate) fn masters(&self) -> Vec<usize> {
        let is_master = |node: &RedisServer| {
            node.child.is_some() && node.ask::<String>(&["INFO", "replication"]).contains("role:master")
        };
        (0..self.nodes.len()).filter(|number| is_master(&self.nodes[*number])).collect()
    }
}

/// Where a program is. It is installed by `cargo xtask setup`.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is missing; `cargo xtask setup` installs it, on Debian: apt-get install redis-server")
    })
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
