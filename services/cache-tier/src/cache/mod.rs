//! The tiers together: looking up, storing, purging.
//!
//! ```text
//!             memory ──► disk ──► Redis ──► object store
//! lookup        │  first that has it answers, and those before it get it
//! store         │  at once; the others later, through their queues
//! purge         │  by marks, kept in each
//! ```

mod find;
mod flight;
mod purge;
mod store;
#[cfg(test)]
mod tests;

pub use find::Hit;
pub use purge::Purged;
pub use store::{Kept, WasPurged};

use crate::leases::Leases;
use crate::metrics::Metrics;
use crate::purge::Marks;
use crate::tier::{Layer, Memory};
use flight::Flights;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// The tiers together.
#[derive(Debug)]
pub struct Cache {
    /// The nearest tier.
    pub memory: Memory,
    /// Those behind it, in the order in which they are asked.
    pub layers: Vec<Arc<Layer>>,
    /// The purges that are known here.
    pub marks: Arc<Marks>,
    /// Who computes what nobody has.
    pub leases: Arc<Leases>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    flights: Arc<Flights>,
}

/// What writes the queues out.
#[derive(Debug)]
pub struct Writers(Vec<JoinHandle<()>>);

impl Cache {
    /// A cache of these tiers.
    #[must_use]
    pub fn new(
        memory: Memory,
        layers: Vec<Arc<Layer>>,
        marks: Arc<Marks>,
        leases: Arc<Leases>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self { memory, layers, marks, leases, metrics, flights: Arc::default() })
    }

    /// Learns what was purged, starts what writes, and what goes on beside requests.
    pub async fn start(self: &Arc<Self>) -> Writers {
        for layer in &self.layers {
            if let Err(fault) = layer.exchange_marks().await {
                let tier = layer.tier().as_str();
                tracing::warn!(tier, %fault, "cannot be reached: nothing is served from it until it can");
            }
            let exchanging = Arc::clone(layer);
            tokio::spawn(async move { exchanging.keep_exchanging_marks().await });
            let sweeping = Arc::clone(layer);
            tokio::spawn(async move { sweeping.keep_sweeping().await });
        }
        let tidying = Arc::clone(self);
        tokio::spawn(async move { tidying.keep_tidy().await });
        Writers(self.layers.iter().flat_map(Layer::start_writers).collect())
    }

    /// Takes no more writes, and waits until those that wait are made, for a bounded time. Returns how many were not.
    pub async fn finish(&self, writers: Writers, limit: Duration) -> usize {
        let deadline = Instant::now() + limit;
        self.layers.iter().for_each(|layer| layer.close());
        for writer in writers.0 {
            // One that is not done by then is cut off with the process.
            if timeout_at(deadline, writer).await.is_err() {
                break;
            }
        }
        self.layers.iter().map(|layer| layer.load().0).sum()
    }

    async fn keep_tidy(&self) {
        loop {
            sleep(Duration::from_secs(1)).await;
            self.leases.sweep();
            self.marks.prune(crate::clock::now_ms());
            self.memory.tidy();
        }
    }
}
