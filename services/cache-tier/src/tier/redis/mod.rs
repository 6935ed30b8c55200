//! Redis: one server, or a cluster. Shared by all cache tiers that use it, with the same prefix.
//!
//! | key | what |
//! |---|---|
//! | `<prefix>e:<64 hex>` | an entry; Redis forgets it when its time is over |
//! | `<prefix>b:{<64 hex>}` | a hash: when a tenant's budgets are full again, in microseconds since the epoch |
//! | `<prefix>b:{<64 hex>}:<64 hex>` | the number of what a process has told of that tenant last |
//! | `<prefix>marks` | a hash: scope → time of its mark, and `version`, which changes with every change |
//!
//! The marks have no time limit, so that a server with a `volatile-…` eviction policy never gives them up. Where they
//! are lost all the same, with the server, every cache tier writes back what it knows.

mod budgets;
mod marks;
mod topology;

use super::backend::{Answer, Backend, Batching, Change};
use crate::clock::millis;
use crate::purge::Mark;
use crate::stored::Key;
use bytes::Bytes;
use marks::MarkTable;
use redis::{Cmd, FromRedisValue};
use spillway_backing::Fault;
use spillway_backing::redis::{Connections, RedisConfig, RedisMode, fault};
use spillway_contract::cache::key::to_hex;
use std::sync::Arc;
use std::time::Duration;
use topology::Topology;

/// The Redis tier.
#[derive(Debug)]
pub struct Redis {
    connections: Arc<Connections>,
    prefix: String,
    marks: MarkTable,
    /// `None`: one server, which has everything.
    topology: Option<Arc<Topology>>,
}

/// Writers for each master; each waits for one answer at a time.
const LANES: usize = 4;

/// A master that is gone holds its writers up for so long, three times.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

impl Redis {
    /// Connects in the background, for as long as that takes.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn start(config: &RedisConfig) -> anyhow::Result<Self> {
        let prefix = config.prefix.clone();
        let marks = MarkTable::new(format!("{prefix}marks"));
        let connections = Arc::new(Connections::start(config)?);
        let is_cluster = config.mode == RedisMode::Cluster;
        let topology = is_cluster.then(|| Topology::start(&connections));
        Ok(Self { connections, prefix, marks, topology })
    }

    fn key(&self, key: &Key) -> String {
        format!("{}e:{}", self.prefix, to_hex(key))
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        let mut connection = self.connections.get().await?;
        command.query_async(&mut connection).await.map_err(|error| fault(&error))
    }

    async fn make(&self, change: Change) -> Result<(), Fault> {
        let command = match change {
            Change::Put { key, bytes, ttl } => {
                let mut command = redis::cmd("SET");
                command.arg(self.key(&key)).arg(&*bytes).arg("PX").arg(whole_millis(ttl));
                command
            }
            Change::Delete { key } => {
                let mut command = redis::cmd("DEL");
                command.arg(self.key(&key));
                command
            }
        };
        self.ask::<()>(&command).await
    }
}

/// Zero would be an error.
fn whole_millis(ttl: Duration) -> u64 {
    millis(ttl).max(1)
}

impl Backend for Redis {
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Bytes>> {
        Box::pin(async move {
            let mut command = redis::cmd("GET");
            command.arg(self.key(key));
            let bytes: Option<Vec<u8>> = self.ask(&command).await?;
            Ok(bytes.map(Bytes::from))
        })
    }

    fn change(&self, changes: Vec<Change>) -> Answer<'_, ()> {
        Box::pin(async move {
            for change in changes {
                self.make(change).await?;
            }
            Ok(())
        })
    }

    fn marks(&self) -> Answer<'_, Option<Vec<Mark>>> {
        Box::pin(self.marks.read(self))
    }

    fn keep_marks(&self, marks: Vec<Mark>, oldest_ms: u64) -> Answer<'_, ()> {
        Box::pin(self.marks.keep(self, marks, oldest_ms))
    }

    fn parts(&self) -> usize {
        self.topology.as_ref().map_or(1, |_| topology::PARTS)
    }

    fn part(&self, key: &Key) -> usize {
        self.topology.as_ref().map_or(0, |topology| topology.part(&self.key(key)))
    }

    fn batching(&self) -> Batching {
        Batching { lanes: LANES, changes: 1, bytes: usize::MAX, timeout: WRITE_TIMEOUT }
    }
}
