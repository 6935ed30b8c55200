//! A model by its name → verified weights, mapped into memory.

use crate::counters::{Counters, Tier};
use crate::digest::Digest;
use crate::disk::{Disk, Lock};
use crate::fetch::{Fetcher, backoff, rng};
use crate::manifest::Manifest;
use crate::mapped::{Checked, Weights};
use crate::name::ModelName;
use crate::progress::{Progress, Step};
use crate::tiers::{RedisChunks, RedisChunksConfig, Store, StoreConfig, StoreError};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// What a cache is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// Where the machine's processes share weights.
    pub dir: PathBuf,
    /// How much may be there, in bytes.
    pub max_bytes: u64,
    /// For how long it is believed what a name stands for.
    pub pointer_ttl: Duration,
    /// The store; without it, only what is on disk can be loaded.
    pub store: Option<StoreConfig>,
    /// Redis, between the disk and the store.
    pub redis: Option<RedisChunksConfig>,
    /// Chunks that are fetched at the same time.
    pub parallel: usize,
    /// How often the store is asked for the same thing.
    pub attempts: u32,
    /// Threads that compare digests at the same time.
    pub verify_threads: usize,
}

/// The tiers together: memory, disk, Redis, store.
#[derive(Debug)]
pub struct WeightsCache {
    disk: Disk,
    fetcher: Fetcher,
    pointer_ttl: Duration,
    verify_threads: usize,
    counters: Counters,
    /// What this process has mapped, while it has.
    mapped: Mutex<HashMap<Digest, Weak<Weights>>>,
}

/// Weights that were loaded.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The weights.
    pub weights: Arc<Weights>,
    /// The farthest tier that was needed.
    pub tier: Tier,
}

/// What is on disk, and what was made of it, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// Names that stand for the file, as far as is known here.
    pub names: Vec<ModelName>,
    /// The file.
    pub sha256: Digest,
    /// Everything that counts as its own, in bytes.
    pub bytes: u64,
    /// Whether the whole file is there.
    pub is_whole: bool,
}

/// How often it is looked whether another process is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is fetched and is damaged on disk at once, so often, is no accident.
const ROUNDS: usize = 3;

/// With something to fall back on, the store is not waited for as long.
const ATTEMPTS_WITH_STALE: u32 = 2;

impl WeightsCache {
    /// Opens the disk; nobody has looked for the tiers behind it yet. Called where a runtime is: connections are made there.
    ///
    /// # Errors
    /// When the folder cannot be used, or a tier's configuration makes no sense.
    pub fn open(config: &CacheConfig, counters: Counters) -> Result<Self> {
        let fetcher = Fetcher {
            store: config.store.as_ref().map(Store::new).transpose()?,
            redis: config.redis.as_ref().map(RedisChunks::start).transpose()?,
            parallel: config.parallel.max(1),
            attempts: config.attempts.max(1),
            counters: counters.clone(),
        };
        Ok(Self {
            disk: Disk::open(&config.dir, config.max_bytes)?,
            fetcher,
            pointer_ttl: config.pointer_ttl,
            verify_threads: config.verify_threads.max(1),
            counters,
            mapped: Mutex::default(),
        })
    }

    /// Where what is made of a file may be kept: it goes when the file goes.
    #[must_use]
    pub fn derived_dir(&self, sha256: Digest) -> PathBuf {
        self.disk.derived(sha256)
    }

    /// Loads a model, from as near as it can be had. Of all processes of the machine one fetches, the others wait for it.
    ///
    /// `pinned`: it must be this very file, whatever the store says that the name stands for.
    ///
    /// # Errors
    /// When it cannot be had, or cannot be had whole. What has come so far stays for the next time.
    pub async fn load(
        &self,
        name: &ModelName,
        pinned: Option<Digest>,
        progress: &Arc<Progress>,
    ) -> Result<Loaded> {
        progress.begin(Step::Looking, 0);
        let manifest = Arc::new(self.manifest(name).await?);
        if let Some(pinned) = pinned.filter(|pinned| *pinned != manifest.sha256) {
            bail!("{name} is to be the file {pinned}, but stands for {}", manifest.sha256);
        }
        let loaded = self.of(&manifest, progress).await?;
        self.counters.load(loaded.tier);
        progress.begin(Step::Done, manifest.bytes);
        progress.set(manifest.bytes);
        Ok(loaded)
    }

    async fn of(&self, manifest: &Arc<Manifest>, progress: &Arc<Progress>) -> Result<Loaded> {
        if let Some(weights) = self.already(manifest.sha256) {
            return Ok(Loaded { weights, tier: Tier::Memory });
        }
        let mut tier = Tier::Disk;
        for _ in 0..ROUNDS {
            if let Some(weights) = self.whole(manifest, progress).await? {
                return Ok(Loaded { weights, tier });
            }
            let _mine = self.until_mine(manifest, progress).await?;
            // Another process may have fetched it meanwhile.
            if let Some(weights) = self.whole(manifest, progress).await? {
                return Ok(Loaded { weights, tier });
            }
            tier = self.fill(manifest, progress).await?;
        }
        bail!("{}: what is on disk is damaged again and again: the disk should be looked at", manifest.name)
    }

    /// What is on disk, if it is there and as it should be.
    async fn whole(
        &self,
        manifest: &Arc<Manifest>,
        progress: &Arc<Progress>,
    ) -> Result<Option<Arc<Weights>>> {
        let lock = until(|| self.disk.try_use(manifest.sha256), || {}).await?;
        let path = self.disk.blob(manifest.sha256);
        if !path.exists() {
            return Ok(None);
        }
        progress.begin(Step::Verifying, manifest.bytes);
        let (of, threads, progress) = (Arc::clone(manifest), self.verify_threads, Arc::clone(progress));
        match spawn_blocking(move || Weights::map(&path, &of, lock, threads, &progress)).await?? {
            Checked::Whole(weights) => {
                self.disk.touch(manifest.sha256);
                Ok(Some(self.remember(weights)))
            }
            Checked::Damaged(chunks) => {
                tracing::warn!(model = %manifest.name, chunks, "weights on disk are damaged, and fetched again");
                self.counters.refused(Tier::Disk);
                Ok(None)
            }
        }
    }

    /// Fetches what is missing. Who asks holds the file's lock.
    async fn fill(&self, manifest: &Arc<Manifest>, progress: &Arc<Progress>) -> Result<Tier> {
        let (disk, counters, of) = (self.disk.clone(), self.counters.clone(), Arc::clone(manifest));
        let part = Arc::new(spawn_blocking(move || disk.begin(&of, &counters)).await??);
        progress.begin(Step::Fetching, manifest.bytes);
        let (looked, of, seen) = (Arc::clone(&part), Arc::clone(manifest), Arc::clone(progress));
        let missing = spawn_blocking(move || looked.missing(&of, &seen)).await??;
        tracing::info!(
            model = %manifest.name,
            chunks = missing.len(),
            of = manifest.chunks.len(),
            bytes = manifest.bytes,
            "weights are fetched"
        );
        let tier = self.fetcher.fetch(manifest, &part, missing, progress).await?;
        let of = Arc::clone(manifest);
        spawn_blocking(move || part.finish(&of)).await??;
        Ok(tier)
    }

    /// Waits until no other process fetches the file.
    async fn until_mine(&self, manifest: &Manifest, progress: &Progress) -> Result<Lock> {
        let mut waits = false;
        let seen = || {
            if !std::mem::replace(&mut waits, true) {
                progress.begin(Step::Waiting, manifest.bytes);
                tracing::info!(model = %manifest.name, "another process of this machine fetches the weights");
            }
            progress.set(self.disk.fetched_bytes(manifest.sha256));
        };
        until(|| self.disk.try_change(manifest.sha256), seen).await
    }

    /// What the name stands for: as the disk says for a while, then as the store says.
    async fn manifest(&self, name: &ModelName) -> Result<Manifest> {
        if let Some(fresh) = self.fresh(name) {
            return Ok(fresh);
        }
        let _alone = until(|| self.disk.try_name(name), || {}).await?;
        // Another process may have asked meanwhile.
        if let Some(fresh) = self.fresh(name) {
            return Ok(fresh);
        }
        let known = self.disk.pointer(name).map(|pointer| pointer.manifest);
        let Some(store) = &self.fetcher.store else {
            self.counters.pointer("stale");
            return known.with_context(|| format!("{name} is not on this machine, and there is no store"));
        };
        let attempts = if known.is_some() { ATTEMPTS_WITH_STALE } else { self.fetcher.attempts };
        match (self.ask(store, name, attempts).await, known) {
            (Ok(manifest), _) => {
                self.counters.pointer("asked");
                self.disk.keep_pointer(&manifest)?;
                Ok(manifest)
            }
            (Err(error @ StoreError::Fault(_)), Some(known)) => {
                tracing::warn!("{name} is taken as it was when the store answered last: {error}");
                self.counters.pointer("stale");
                Ok(known)
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    async fn ask(&self, store: &Store, name: &ModelName, attempts: u32) -> Result<Manifest, StoreError> {
        let (backoff, mut rng) = (backoff(), rng());
        let mut attempt = 0;
        loop {
            attempt += 1;
            match store.manifest(name).await {
                Err(StoreError::Fault(fault)) => {
                    self.counters.fault(Tier::Store);
                    if attempt >= attempts {
                        return Err(StoreError::Fault(fault));
                    }
                    tracing::warn!(attempt, "the store is asked again what {name} stands for: {fault}");
                    sleep(backoff.delay(attempt - 1, &mut rng)).await;
                }
                answer => return answer,
            }
        }
    }

    fn fresh(&self, name: &ModelName) -> Option<Manifest> {
        let pointer = self.disk.pointer(name).filter(|pointer| pointer.is_fresh(self.pointer_ttl))?;
        self.counters.pointer("fresh");
        Some(pointer.manifest)
    }

    fn already(&self, sha256: Digest) -> Option<Arc<Weights>> {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).get(&sha256)?.upgrade()
    }

    fn remember(&self, weights: Weights) -> Arc<Weights> {
        let weights = Arc::new(weights);
        let mut mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        mapped.retain(|_, weights| weights.strong_count() > 0);
        mapped.insert(weights.manifest().sha256, Arc::downgrade(&weights));
        weights
    }

    /// What is on this machine's disk.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn on_disk(&self) -> Result<Vec<OnDisk>> {
        let names = self.disk.names()?;
        let pointers: Vec<_> = names.iter().filter_map(|name| self.disk.pointer(name)).collect();
        let models = self.disk.models()?.into_iter().map(|(sha256, model)| {
            let of = pointers.iter().map(|pointer| &pointer.manifest);
            let names = of.filter(|of| of.sha256 == sha256).map(|of| of.name.clone()).collect();
            OnDisk { names, sha256, bytes: model.bytes, is_whole: model.is_whole }
        });
        Ok(models.collect())
    }
}

/// Waits for a lock that another process has; `waits` is called now and then meanwhile.
async fn until(take: impl Fn() -> Result<Option<Lock>>, mut waits: impl FnMut()) -> Result<Lock> {
    loop {
        if let Some(lock) = take()? {
            return Ok(lock);
        }
        waits();
        sleep(LOOK_EVERY).await;
    }
}
