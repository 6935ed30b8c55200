//! What several Envoys have used of their tenants' budgets, added up.
//!
//! In Redis where there is one, so that all cache tiers that use it add up the same; else in this process. Nothing of it is
//! lasting: after two minutes all that was used is paid.

mod table;
#[cfg(test)]
mod tests;

pub use table::Table;

use crate::clock;
use crate::metrics::Metrics;
use crate::tier::Redis;
use futures_util::future::join_all;
use spillway_backing::Fault;
use spillway_contract::cache::protocol::budgets::{Name, Tell, TenantOwed, TenantUsed, Told};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Where it is added up.
#[derive(Debug)]
pub enum Adder {
    /// In this process.
    Memory(Table),
    /// In Redis, which may take so long for it.
    Redis(Arc<Redis>, Duration),
}

/// What was used of budgets.
#[derive(Debug)]
pub struct Budgets {
    adder: Adder,
    metrics: Arc<Metrics>,
}

/// What became of what was told of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// What is owed now of the budget of requests, in microseconds.
    pub requests_us: i64,
    /// Of the budget of tokens.
    pub tokens_us: i64,
    /// False where it had been told before, and was not added again.
    pub is_new: bool,
}

impl Budgets {
    /// Nothing is added up yet.
    #[must_use]
    pub fn new(adder: Adder, metrics: Arc<Metrics>) -> Self {
        Self { adder, metrics }
    }

    /// Adds what a process has used, and says what all of them owe. A tenant of whom it cannot be said is left out.
    ///
    /// # Errors
    /// When it can be said of none.
    pub async fn tell(&self, tell: &Tell) -> Result<Told, Fault> {
        let added: Vec<_> = match &self.adder {
            Adder::Memory(table) => {
                let now = clock::now();
                tell.tenants
                    .iter()
                    .map(|used| table.add(tell.process, used, now).ok_or(Fault::Full))
                    .collect()
            }
            // All at once: a master that is gone costs its own tenants their time, and no others.
            Adder::Redis(redis, limit) => {
                join_all(tell.tenants.iter().map(|used| add_in_redis(redis, *limit, tell.process, used)))
                    .await
            }
        };
        let mut tenants = Vec::with_capacity(added.len());
        let mut failed = None;
        for (used, added) in tell.tenants.iter().zip(added) {
            self.metrics.budget(added.map_or_else(Fault::as_str, Added::outcome));
            match added {
                Ok(Added { requests_us, tokens_us, .. }) => {
                    let TenantUsed { tenant, sequence, .. } = *used;
                    tenants.push(TenantOwed { tenant, sequence, requests_us, tokens_us });
                }
                Err(fault) => failed = Some(fault),
            }
        }
        failed.filter(|_| tenants.is_empty()).map_or(Ok(Told { tenants }), Err)
    }

    /// How many tenants memory holds.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.adder {
            Adder::Memory(table) => table.count(),
            Adder::Redis(..) => 0,
        }
    }
}

impl Added {
    fn outcome(self) -> &'static str {
        if self.is_new { "added" } else { "repeated" }
    }
}

async fn add_in_redis(
    redis: &Redis,
    limit: Duration,
    process: Name,
    used: &TenantUsed,
) -> Result<Added, Fault> {
    timeout(limit, redis.add_used(process, used)).await.unwrap_or(Err(Fault::TimedOut))
}
