//! Looking up.

use super::Cache;
use crate::stored::{Key, Stored};
use spillway_contract::cache::protocol::Tier;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// An entry, and who had it.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The entry.
    pub entry: Arc<Stored>,
    /// Where it was.
    pub tier: Tier,
}

impl Cache {
    /// The entry of a key, from the nearest tier that has it. It takes no longer than the tiers' times together, and
    /// no longer than `within` where that is given: then nobody has it, and the lookup goes on for those who ask next.
    pub async fn find(self: &Arc<Self>, key: &Key, within: Option<Duration>) -> Option<Hit> {
        let started = Instant::now();
        let mut hit = self.find_in_memory(key);
        if hit.is_none() && !self.layers.is_empty() {
            let (cache, of) = (Arc::clone(self), *key);
            let walk = self.flights.join(of, || Box::pin(async move { cache.walk(&of).await }));
            let found = match within {
                Some(within) => timeout(within, walk).await.unwrap_or_default(),
                None => walk.await,
            };
            // Stored or purged meanwhile.
            hit = found.filter(|hit| self.is_allowed(&hit.entry)).or_else(|| self.find_in_memory(key));
        }
        self.metrics.lookup(hit.as_ref().map(|hit| hit.tier), started.elapsed());
        hit
    }

    /// The entry of a key, if memory has it.
    #[must_use]
    pub fn find_in_memory(&self, key: &Key) -> Option<Hit> {
        let entry = self.memory.get(key)?;
        if self.is_allowed(&entry) {
            return Some(Hit { entry, tier: Tier::Memory });
        }
        self.memory.delete(key);
        None
    }

    /// Asks one layer after another.
    async fn walk(&self, key: &Key) -> Option<Hit> {
        for (number, layer) in self.layers.iter().enumerate() {
            if let Some(entry) = layer.get(key).await {
                self.memory.put(&entry);
                for nearer in self.layers.iter().take(number) {
                    // Whatever becomes of it is counted there.
                    let _ = nearer.put(&entry);
                }
                return Some(Hit { entry, tier: layer.tier() });
            }
        }
        None
    }

    /// Whether an entry was not purged.
    #[must_use]
    pub fn is_allowed(&self, entry: &Stored) -> bool {
        self.marks.allow(entry.scopes(), entry.stamp_ms())
    }
}
