//! Chunks, side by side, each verified before it is written.

use crate::counters::{Counters, Tier};
use crate::digest::Digest;
use crate::disk::Part;
use crate::manifest::Manifest;
use crate::progress::Progress;
use crate::tiers::{ModelChunks, RedisChunks, Store, StoreError};
use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use spillway_primitives::{Backoff, Rng, rng_from};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// Where chunks come from, and how.
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) store: Option<Store>,
    pub(crate) redis: Option<RedisChunks>,
    /// Chunks that are under way at the same time.
    pub(crate) parallel: usize,
    /// How often a chunk is asked of the store.
    pub(crate) attempts: u32,
    pub(crate) counters: Counters,
}

/// One chunk that is to come.
#[derive(Debug, Clone)]
struct Wanted {
    chunk: usize,
    digest: Digest,
    range: Range<u64>,
}

impl Fetcher {
    /// Fetches these chunks of a file. Returns the farthest tier that was needed.
    pub(crate) async fn fetch(
        &self,
        manifest: &Manifest,
        part: &Arc<Part>,
        chunks: Vec<usize>,
        progress: &Progress,
    ) -> Result<Tier> {
        let redis = self.redis.as_ref().and_then(|redis| redis.of(manifest));
        let wanted = chunks.into_iter().filter_map(|chunk| {
            let digest = *manifest.chunks.get(chunk)?;
            Some(Wanted { chunk, digest, range: manifest.range(chunk) })
        });
        let tiers = stream::iter(wanted).map(|wanted| {
            let (redis, part) = (redis.as_ref(), Arc::clone(part));
            async move {
                let near = match redis {
                    Some(redis) => self.ask_redis(redis, &wanted).await,
                    None => None,
                };
                let (bytes, tier) = match near {
                    Some(bytes) => (bytes, Tier::Redis),
                    None => (self.ask_store(manifest, &wanted).await?, Tier::Store),
                };
                self.counters.chunk(tier);
                let (start, length) = (wanted.range.start, bytes.len() as u64);
                let written = bytes.clone();
                tokio::task::spawn_blocking(move || part.write(start, &written)).await??;
                progress.add(length);
                if tier == Tier::Store
                    && let Some(redis) = redis
                    && redis.put(wanted.chunk, &bytes).await.is_err()
                {
                    self.counters.fault(Tier::Redis);
                }
                anyhow::Ok(tier)
            }
        });
        let tiers: Vec<Tier> = tiers.buffer_unordered(self.parallel).try_collect().await?;
        Ok(tiers.into_iter().max().unwrap_or(Tier::Disk))
    }

    async fn ask_redis(&self, redis: &ModelChunks<'_>, wanted: &Wanted) -> Option<Bytes> {
        match redis.get(wanted.chunk).await {
            Ok(bytes) => {
                let bytes = bytes?;
                let is_right = Digest::of(&bytes) == wanted.digest;
                if !is_right {
                    // It is written anew when the store has given it.
                    tracing::warn!(chunk = wanted.chunk, "a chunk from Redis has another digest");
                    self.counters.refused(Tier::Redis);
                }
                is_right.then_some(bytes)
            }
            Err(_) => {
                self.counters.fault(Tier::Redis);
                None
            }
        }
    }

    async fn ask_store(&self, manifest: &Manifest, wanted: &Wanted) -> Result<Bytes> {
        let Wanted { chunk, digest, range } = wanted;
        let store = self.store.as_ref().context("there is no store to fetch it from")?;
        let (backoff, mut rng) = (backoff(), rng());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match store.chunk(manifest.sha256, range.clone(), *digest).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            self.counters.fault(Tier::Store);
            if matches!(error, StoreError::Damaged { .. }) {
                self.counters.refused(Tier::Store);
            }
            let is_final = matches!(error, StoreError::NoBlob(_)) || attempt >= self.attempts;
            if is_final {
                return Err(error).with_context(|| {
                    format!("chunk {chunk} of {}, after {attempt} attempts", manifest.name)
                });
            }
            tracing::warn!(chunk, attempt, "fetched again: {error}");
            sleep(backoff.delay(attempt - 1, &mut rng)).await;
        }
    }
}

/// Between two attempts, also for what a name stands for.
pub(crate) fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(200), Duration::from_secs(10), 500)
}

/// Who starts at the same time does not come back at the same time.
pub(crate) fn rng() -> Rng {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    rng_from(&[u64::from(now.subsec_nanos()), u64::from(std::process::id())])
}
