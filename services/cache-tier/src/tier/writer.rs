//! What writes the queue of a layer out.

use super::layer::off_thread;
use super::queue::{Job, What};
use super::{Change, Layer, Refused};
use crate::clock::{millis, now_ms};
use crate::metrics::Operation;
use crate::stored::Stored;
use spillway_backing::Fault;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// Writes what comes, until the queue is closed and empty.
pub(super) async fn run(layer: Arc<Layer>, mut lane: UnboundedReceiver<Job>) {
    let batching = layer.backend.batching();
    let mut jobs = Vec::new();
    while lane.recv_many(&mut jobs, batching.changes.max(1)).await > 0 {
        // A job takes up room in the queue until it is dropped: when it is written.
        let mut rest = std::mem::take(&mut jobs).into_iter().peekable();
        while rest.peek().is_some() {
            let (mut bytes, mut batch) = (0, Vec::new());
            while let Some(job) = rest.next_if(|_| bytes < batching.bytes.max(1)) {
                bytes += size(&job.what);
                batch.push(job);
            }
            layer.write(&batch).await;
        }
    }
}

impl Layer {
    async fn write(self: &Arc<Self>, jobs: &[Job]) {
        let mut changes = Vec::with_capacity(jobs.len());
        for job in jobs {
            match &job.what {
                What::Delete(key) => changes.push(Change::Delete { key: *key }),
                What::Put(entry) => changes.extend(self.to_change(entry).await),
            }
        }
        let Some(first) = changes.first() else { return };
        // Where a backend has several parts its changes come one at a time.
        let part = self.backend.part(first.key());
        let (count, puts) =
            (changes.len(), changes.iter().any(|change| matches!(change, Change::Put { .. })));
        let operation = if puts { Operation::Put } else { Operation::Delete };
        let Some(pass) = self.circuits.admit(part) else {
            self.dropped(count, Refused::CircuitOpen.as_str());
            return;
        };
        let limit = self.config.timeout.max(self.backend.batching().timeout);
        let started = Instant::now();
        let written = timeout(limit, self.backend.change(changes)).await.unwrap_or(Err(Fault::TimedOut));
        self.shared.metrics.tier_took(self.tier, operation, started.elapsed());
        pass.ended(written.is_ok());
        match written {
            Ok(()) => (0..count).for_each(|_| self.count(operation, "ok")),
            Err(fault) => {
                tracing::debug!(tier = self.tier.as_str(), %fault, changes = count, "a write failed");
                self.count(operation, fault.as_str());
                self.dropped(count, fault.as_str());
            }
        }
    }

    /// `None` for what is not worth writing any more.
    async fn to_change(self: &Arc<Self>, entry: &Arc<Stored>) -> Option<Change> {
        let now = now_ms();
        let ttl_ms = entry.lifetime().left_ms(now).min(millis(self.config.ttl));
        let allowed = self.shared.marks.allow(entry.scopes(), entry.stamp_ms());
        if ttl_ms == 0 || !allowed {
            self.count(Operation::Put, if allowed { "expired" } else { "purged" });
            return None;
        }
        let (layer, of) = (Arc::clone(self), Arc::clone(entry));
        let expires_at_ms = now.saturating_add(ttl_ms);
        let sealed = off_thread(entry.size(), move || layer.shared.seal.seal(&of, expires_at_ms)).await;
        match sealed {
            Ok(bytes) => Some(Change::Put { key: *entry.key(), bytes, ttl: Duration::from_millis(ttl_ms) }),
            Err(error) => {
                tracing::error!(%error, "no randomness to encrypt with");
                self.dropped(1, "no_randomness");
                None
            }
        }
    }

    fn dropped(&self, changes: usize, reason: &'static str) {
        (0..changes).for_each(|_| self.shared.metrics.write_dropped(self.tier, reason));
    }
}

fn size(what: &What) -> usize {
    match what {
        What::Put(entry) => entry.size(),
        What::Delete(_) => 0,
    }
}
