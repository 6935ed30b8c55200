//! A backend, and what bounds its cost.

use super::circuits::Circuits;
use super::queue::{Job, Queue, What};
use super::sync::Sync;
use super::writer;
use super::{Backend, QueueLimits, Refused};
use crate::clock::now_ms;
use crate::metrics::{Metrics, Operation};
use crate::purge::Marks;
use crate::seal::{Seal, Unreadable};
use crate::stored::{Key, Stored};
use bytes::Bytes;
use spillway_backing::Fault;
use spillway_breaker::{Policy, State};
use spillway_contract::cache::key::to_short_hex;
use spillway_contract::cache::protocol::Tier;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How a layer is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerConfig {
    /// How long it keeps an entry.
    pub ttl: Duration,
    /// How long a lookup may take there.
    pub timeout: Duration,
    /// How much may wait to be written there.
    pub queue: QueueLimits,
    /// When it is left alone, and for how long.
    pub circuit: Policy,
    /// How often its marks are read.
    pub marks_every: Duration,
    /// How often what has outlived its time is removed, where it does not go by itself.
    pub sweep_every: Option<Duration>,
}

/// What all layers share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// How entries are wrapped.
    pub seal: Arc<Seal>,
    /// The marks that are known here.
    pub marks: Arc<Marks>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A backend, and what bounds its cost.
#[derive(Debug)]
pub struct Layer {
    pub(super) tier: Tier,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) config: LayerConfig,
    pub(super) shared: Shared,
    pub(super) circuits: Circuits,
    pub(super) sync: Sync,
    queue: Queue,
    lanes: Mutex<Vec<UnboundedReceiver<Job>>>,
}

impl Layer {
    /// A layer that has not been looked at yet.
    #[must_use]
    pub fn new(tier: Tier, backend: Arc<dyn Backend>, config: LayerConfig, shared: Shared) -> Arc<Self> {
        let (queue, lanes) = Queue::new(config.queue, backend.parts(), backend.batching().lanes);
        let circuits = Circuits::new(tier.as_str(), config.circuit, backend.parts());
        let (sync, lanes) = (Sync::default(), Mutex::new(lanes));
        Arc::new(Self { tier, backend, config, shared, circuits, sync, queue, lanes })
    }

    /// Which tier it is.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// What its circuit is.
    #[must_use]
    pub fn circuit(&self) -> State {
        self.circuits.state()
    }

    /// How many of its parts are left alone, or are being probed.
    #[must_use]
    pub fn isolated(&self) -> usize {
        self.circuits.isolated()
    }

    /// Changes and bytes that wait to be written.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.queue.load()
    }

    /// Bytes and entries that it holds, where it knows.
    #[must_use]
    pub fn usage(&self) -> Option<(u64, u64)> {
        self.backend.usage()
    }

    /// The entry of a key, if it is there, whole, and may be served. It never takes longer than the layer's time.
    pub async fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        if !self.knows_marks() {
            self.count(Operation::Get, "marks_unknown");
            return None;
        }
        let Some(pass) = self.circuits.admit(self.backend.part(key)) else {
            self.count(Operation::Get, Refused::CircuitOpen.as_str());
            return None;
        };
        let started = Instant::now();
        let got = timeout(self.config.timeout, self.backend.get(key)).await.unwrap_or(Err(Fault::TimedOut));
        self.shared.metrics.tier_took(self.tier, Operation::Get, started.elapsed());
        pass.ended(got.is_ok());
        match got {
            Ok(Some(bytes)) => self.open(key, bytes).await,
            Ok(None) => {
                self.count(Operation::Get, "miss");
                None
            }
            Err(fault) => {
                tracing::debug!(tier = self.tier.as_str(), %fault, "a lookup failed");
                self.count(Operation::Get, fault.as_str());
                None
            }
        }
    }

    async fn open(&self, key: &Key, bytes: Bytes) -> Option<Arc<Stored>> {
        let (seal, of) = (Arc::clone(&self.shared.seal), *key);
        let opened = off_thread(bytes.len(), move || seal.open(&of, &bytes)).await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(unreadable) => {
                self.is_damaged(key, unreadable);
                return None;
            }
        };
        let (now, entry) = (now_ms(), opened.entry);
        if now >= opened.expires_at_ms || !entry.is_live(now) {
            self.count(Operation::Get, "expired");
        } else if !self.shared.marks.allow(entry.scopes(), entry.stamp_ms()) {
            self.count(Operation::Get, "purged");
        } else {
            self.count(Operation::Get, "hit");
            return Some(Arc::new(entry));
        }
        self.delete(key);
        None
    }

    fn is_damaged(&self, key: &Key, unreadable: Unreadable) {
        let (tier, reason) = (self.tier.as_str(), unreadable.as_str());
        tracing::warn!(tier, key = to_short_hex(key), reason, "an entry cannot be read");
        self.count(Operation::Get, "unreadable");
        self.shared.metrics.unreadable(self.tier, reason);
        if unreadable.is_useless() {
            self.delete(key);
        }
    }

    /// Has an entry written, later.
    ///
    /// # Errors
    /// When it is not: as much waits as may, or the layer is left alone.
    pub fn put(&self, entry: &Arc<Stored>) -> Result<(), Refused> {
        // With the circuit open it would only take the place of what can still be written when the layer is back.
        let part = self.backend.part(entry.key());
        let refused = self.circuits.refuses(part).then_some(Refused::CircuitOpen);
        let pushed = refused.map_or_else(|| self.queue.push(part, What::Put(Arc::clone(entry))), Err);
        if let Err(refused) = pushed {
            self.shared.metrics.write_dropped(self.tier, refused.as_str());
        }
        pushed
    }

    /// Has the entry of a key deleted, later.
    pub fn delete(&self, key: &Key) {
        if let Err(refused) = self.queue.push(self.backend.part(key), What::Delete(*key)) {
            self.shared.metrics.write_dropped(self.tier, refused.as_str());
        }
    }

    /// Starts what writes. They end after [`Self::close`], when everything that waits is written.
    #[must_use]
    pub fn start_writers(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        let lanes = std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        lanes.into_iter().map(|lane| tokio::spawn(writer::run(Arc::clone(self), lane))).collect()
    }

    /// Takes no more writes.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Removes what has outlived its time, again and again. It ends at once where nothing has to be removed.
    pub async fn keep_sweeping(&self) {
        let Some(every) = self.config.sweep_every else { return };
        // Not all at the same time: the first one comes after a part of the interval that differs from process to
        // process.
        let mut wait = every.mul_f64(f64::from(std::process::id() % 1000) / 1000.0);
        let tier = self.tier.as_str();
        loop {
            sleep(wait).await;
            match self.backend.sweep(self.config.ttl).await {
                Ok(0) => {}
                Ok(entries) => {
                    tracing::info!(tier, entries, "entries that had outlived their time were removed");
                }
                Err(fault) => tracing::warn!(tier, %fault, "what has outlived its time could not be removed"),
            }
            wait = every;
        }
    }

    pub(super) fn count(&self, operation: Operation, outcome: &'static str) {
        self.shared.metrics.tier(self.tier, operation, outcome);
    }
}

/// Runs what takes the processor for long on a thread that nobody waits for, and what is quick here.
pub(super) async fn off_thread<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    /// Some 0.2 ms of checksums, decryption and decompression.
    const QUICK_BYTES: usize = 128 << 10;
    if bytes <= QUICK_BYTES {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime shuts down: nobody waits for this any more.
            Err(_) => std::future::pending().await,
        },
    }
}
