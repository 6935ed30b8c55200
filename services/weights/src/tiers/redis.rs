//! Chunks of small models in Redis, so that machines that start need not all read the store.
//!
//! | key | what |
//! |---|---|
//! | `<prefix>w:<sha256 of the file>:<chunk>` | a chunk; Redis forgets it when its time is over |
//!
//! What comes from there is verified like everything else. A Redis that fails or stalls is left alone for the rest of a
//! load: the store has everything.

use crate::digest::Digest;
use crate::manifest::Manifest;
use bytes::Bytes;
use spillway_backing::Fault;
use spillway_backing::redis::{Connections, RedisConfig, fault};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// What of weights is kept in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisChunksConfig {
    /// Where Redis is.
    pub redis: RedisConfig,
    /// How long a chunk is kept.
    pub ttl: Duration,
    /// Models that are larger are not kept there.
    pub max_model_bytes: u64,
}

/// Redis, for chunks.
#[derive(Debug)]
pub struct RedisChunks {
    connections: Connections,
    prefix: String,
    timeout: Duration,
    ttl: Duration,
    max_model_bytes: u64,
}

/// After so many failures in a row a load asks it no more.
const PATIENCE: u32 = 3;

impl RedisChunks {
    /// Connects in the background, for as long as that takes.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn start(config: &RedisChunksConfig) -> anyhow::Result<Self> {
        let redis = &config.redis;
        Ok(Self {
            connections: Connections::start(redis)?,
            prefix: redis.prefix.clone(),
            timeout: redis.timeout,
            ttl: config.ttl,
            max_model_bytes: config.max_model_bytes,
        })
    }

    /// One load's use of it, if the model is small enough.
    pub(crate) fn of(&self, manifest: &Manifest) -> Option<ModelChunks<'_>> {
        let fits = manifest.bytes <= self.max_model_bytes;
        fits.then(|| ModelChunks { redis: self, blob: manifest.sha256, failures: AtomicU32::new(0) })
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Fault> {
        let asked = async {
            let mut connection = self.connections.get().await?;
            command.query_async(&mut connection).await.map_err(|error| fault(&error))
        };
        timeout(self.timeout, asked).await.unwrap_or(Err(Fault::TimedOut))
    }
}

/// The chunks of one model, for one load.
#[derive(Debug)]
pub(crate) struct ModelChunks<'a> {
    redis: &'a RedisChunks,
    blob: Digest,
    failures: AtomicU32,
}

impl ModelChunks<'_> {
    /// A chunk, not verified; an error is worth counting.
    pub(crate) async fn get(&self, chunk: usize) -> Result<Option<Bytes>, Fault> {
        if self.is_given_up() {
            return Ok(None);
        }
        let found = self.redis.ask::<Option<Vec<u8>>>(redis::cmd("GET").arg(self.key(chunk))).await;
        self.note(found.as_ref().err());
        found.map(|bytes| bytes.map(Bytes::from))
    }

    /// Keeps a chunk.
    pub(crate) async fn put(&self, chunk: usize, bytes: &[u8]) -> Result<(), Fault> {
        if self.is_given_up() {
            return Ok(());
        }
        let seconds = self.redis.ttl.as_secs().max(1);
        let mut command = redis::cmd("SET");
        command.arg(self.key(chunk)).arg(bytes).arg("EX").arg(seconds);
        let kept = self.redis.ask::<()>(&command).await;
        self.note(kept.as_ref().err());
        kept
    }

    fn key(&self, chunk: usize) -> String {
        format!("{}w:{}:{chunk}", self.redis.prefix, self.blob)
    }

    fn is_given_up(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= PATIENCE
    }

    fn note(&self, failed: Option<&Fault>) {
        let Some(fault) = failed else {
            self.failures.store(0, Ordering::Relaxed);
            return;
        };
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 == PATIENCE {
            tracing::warn!(reason = fault.as_str(), "Redis is left alone for the rest of this load");
        }
    }
}
