//! Budgets in this process.

use super::Added;
use spillway_contract::cache::protocol::budgets::{Name, REMEMBERED_S, TenantUsed};
use spillway_primitives::Timestamp;
use spillway_shedding::budget::Bucket;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the number of a process is remembered.
const REMEMBERED: Duration = Duration::from_secs(REMEMBERED_S);

/// The most processes of a tenant whose numbers are remembered; beyond, that one is forgotten that has told nothing for longest.
const MAX_PROCESSES: usize = 256;

/// How often what is paid is forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// What is owed by tenant.
#[derive(Debug)]
pub struct Table {
    max_tenants: usize,
    pub(super) rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) tenants: HashMap<Name, Row>,
    swept: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Row {
    requests: Bucket,
    tokens: Bucket,
    pub(super) told: HashMap<Name, Last>,
}

/// What a process has told last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    sequence: u64,
    at: Timestamp,
}

impl Table {
    /// Of so many tenants at most.
    #[must_use]
    pub fn new(max_tenants: usize) -> Self {
        Self { max_tenants, rows: Mutex::default() }
    }

    /// Adds what a process has used; `None` where there are too many tenants.
    #[must_use]
    pub fn add(&self, process: Name, used: &TenantUsed, now: Timestamp) -> Option<Added> {
        let mut rows = self.rows();
        rows.sweep(now);
        if !rows.tenants.contains_key(&used.tenant) && rows.tenants.len() >= self.max_tenants {
            return None;
        }
        Some(rows.tenants.entry(used.tenant).or_default().add(process, used, now))
    }

    /// How many tenants it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows().tenants.len()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing panics while the rows are held, so a poisoned lock cannot hold half a change.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn sweep(&mut self, now: Timestamp) {
        if self.swept <= now && now.since(self.swept) < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        self.tenants.retain(|_, row| {
            row.told.retain(|_, last| now.since(last.at) < REMEMBERED);
            !(row.told.is_empty() && row.requests.is_full(now) && row.tokens.is_full(now))
        });
    }
}

impl Row {
    fn add(&mut self, process: Name, used: &TenantUsed, now: Timestamp) -> Added {
        let last = self.told.get(&process).filter(|last| now.since(last.at) < REMEMBERED);
        let is_new = last.is_none_or(|last| used.sequence > last.sequence);
        if is_new {
            self.requests.owe(used.requests_us.saturating_mul(1_000), now);
            self.tokens.owe(used.tokens_us.saturating_mul(1_000), now);
            self.told.insert(process, Last { sequence: used.sequence, at: now });
            if self.told.len() > MAX_PROCESSES {
                let oldest = self.told.iter().min_by_key(|(_, last)| last.at).map(|(process, _)| *process);
                oldest.and_then(|oldest| self.told.remove(&oldest));
            }
        }
        Added { requests_us: micros(self.requests, now), tokens_us: micros(self.tokens, now), is_new }
    }
}

fn micros(bucket: Bucket, now: Timestamp) -> i64 {
    i64::try_from(bucket.owed(now).as_micros()).unwrap_or(i64::MAX)
}
