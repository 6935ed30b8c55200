//! Storing.

use super::Cache;
use crate::clock::now_ms;
use crate::stored::Stored;
use crate::tier::Refused;
use spillway_contract::cache::protocol::LeaseToken;
use std::sync::Arc;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Memory has it.
    pub in_memory: bool,
    /// A tier behind memory will have it, or there is none.
    pub will_last: bool,
    /// No tier behind memory took it, because of a full queue: it is worth trying again.
    pub is_full: bool,
}

/// The entry was purged while it was computed, so it was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WasPurged;

impl Cache {
    /// Stores an entry: in memory now, behind it later. It ends the lease of its key, and those in line get it.
    ///
    /// # Errors
    /// When the lease shows that the entry was purged while it was computed.
    pub fn store(&self, entry: Stored, lease: Option<LeaseToken>) -> Result<Kept, WasPurged> {
        let key = *entry.key();
        let held = lease.and_then(|token| self.leases.held(&key, token));
        let Some(stamp) = self.marks.stamp(entry.scopes(), now_ms(), held.map(|held| held.epoch)) else {
            if let Some(token) = lease {
                self.leases.give_back(&key, token);
            }
            return Err(WasPurged);
        };
        let entry = Arc::new(entry.stamped(stamp));
        // Memory first: who asks for a lease from now on finds it.
        let in_memory = self.memory.put(&entry);
        let served = self.leases.finish(&key, &entry);
        (0..served).for_each(|_| self.metrics.lease("served"));
        let outcomes: Vec<_> = self.layers.iter().map(|layer| layer.put(&entry)).collect();
        let will_last = self.layers.is_empty() || outcomes.iter().any(Result::is_ok);
        let is_full = !will_last && outcomes.contains(&Err(Refused::QueueFull));
        Ok(Kept { in_memory, will_last, is_full })
    }
}
