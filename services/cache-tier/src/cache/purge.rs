//! Purging.

use super::Cache;
use crate::clock::now_ms;
use crate::purge::Scope;
use spillway_contract::cache::protocol::{Purge, Tier};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What a purge did. It is in effect, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// How many entries were taken from memory.
    pub from_memory: u64,
    /// Tiers that could not be told yet, so that other cache tiers do not know. They will be, when they can be reached.
    pub pending: Vec<Tier>,
}

impl Cache {
    /// Purges: what was stored before is a miss from now on.
    pub async fn purge(self: &Arc<Self>, purge: &Purge) -> Purged {
        let scope = Scope::of(purge);
        let mark = self.marks.purge(scope, now_ms());
        self.metrics.purge(purge.as_str());
        let mut telling = JoinSet::new();
        for layer in &self.layers {
            let layer = Arc::clone(layer);
            telling.spawn(async move { (layer.tier(), layer.keep_mark(mark).await) });
        }
        let from_memory = self.forget(purge, scope).await;
        let mut pending = Vec::new();
        while let Some(told) = telling.join_next().await {
            if let Ok((tier, false)) = told {
                pending.push(tier);
            }
        }
        pending.sort_unstable();
        tracing::info!(scope = purge.as_str(), from_memory, pending = pending.len(), "purged");
        Purged { from_memory, pending }
    }

    /// Frees memory. What lies behind it is deleted when it is met, or goes when its time is over.
    async fn forget(self: &Arc<Self>, purge: &Purge, scope: Scope) -> u64 {
        if let Purge::Key(key) = purge {
            let was_there = self.memory.get(key).is_some();
            self.memory.delete(key);
            self.layers.iter().for_each(|layer| layer.delete(key));
            return u64::from(was_there);
        }
        let memory = self.memory.clone();
        tokio::task::spawn_blocking(move || memory.purge(scope)).await.unwrap_or_default()
    }
}
