//! What all handlers share.

use super::auth::Token;
use super::error::{ApiError, Code};
use crate::cache::Cache;
use crate::metrics::{Exposition, Metrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds on what requests may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes.
    pub max_entry_bytes: usize,
    /// How long a body may take to come.
    pub body_timeout: Duration,
    /// How many requests may be worked on. Those that wait for a lease are not.
    pub max_requests: usize,
    /// How many bytes of bodies may be received at the same time.
    pub max_receiving_bytes: usize,
}

/// Where the cache tier is in its life, as far as requests are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Requests are taken.
    Serving,
    /// Requests are taken, but `/ready` says no: whoever routes has time to see it.
    Leaving,
    /// Requests are refused; those in flight are finished.
    Draining,
}

/// What all handlers share.
#[derive(Debug)]
pub struct App {
    /// The tiers.
    pub cache: Arc<Cache>,
    /// What requests must prove to know, if anything.
    pub token: Option<Token>,
    /// Bounds on requests.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How that is shown.
    pub exposition: Exposition,
    phase: AtomicU8,
    places: Arc<Semaphore>,
    receiving: Arc<Semaphore>,
}

/// A request that is worked on, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl App {
    /// An interface to these tiers.
    #[must_use]
    pub fn new(cache: Arc<Cache>, token: Option<Token>, limits: Limits) -> Self {
        let metrics = Arc::clone(&cache.metrics);
        let limits = Limits {
            max_requests: limits.max_requests.min(Semaphore::MAX_PERMITS),
            max_receiving_bytes: limits
                .max_receiving_bytes
                .max(limits.max_entry_bytes)
                .min(u32::MAX as usize),
            ..limits
        };
        Self {
            exposition: Exposition::new(&metrics, Arc::clone(&cache)),
            cache,
            token,
            limits,
            metrics,
            phase: AtomicU8::new(0),
            places: Arc::new(Semaphore::new(limits.max_requests)),
            receiving: Arc::new(Semaphore::new(limits.max_receiving_bytes)),
        }
    }

    /// Where the cache tier is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Serving,
            1 => Phase::Leaving,
            _ => Phase::Draining,
        }
    }

    /// Goes on to a later part of its life.
    pub fn enter_phase(&self, phase: Phase) {
        let number = match phase {
            Phase::Serving => 0,
            Phase::Leaving => 1,
            Phase::Draining => 2,
        };
        self.phase.fetch_max(number, Ordering::Relaxed);
    }

    /// How many requests are worked on.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.limits.max_requests.saturating_sub(self.places.available_permits())
    }

    /// Takes a request, or refuses it.
    pub(super) fn enter(&self) -> Result<Place, ApiError> {
        if self.phase() == Phase::Draining {
            return Err(ApiError::new(Code::Draining, "the cache tier stops").retry_after_s(1).closing());
        }
        let permit = Arc::clone(&self.places).try_acquire_owned();
        permit.map(|permit| Place { _permit: permit }).map_err(|_| {
            let message = format!("{} requests are worked on, which is the limit", self.limits.max_requests);
            ApiError::new(Code::Overloaded, message).retry_after_s(1)
        })
    }

    /// Room for a body of so many bytes while it comes, or a refusal.
    pub(super) fn receive(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.receiving).try_acquire_many_owned(bytes).map_err(|_| {
            let limit = self.limits.max_receiving_bytes;
            let message = format!("bodies of {limit} bytes are received already, which is the limit");
            ApiError::new(Code::Overloaded, message).retry_after_s(1).closing()
        })
    }
}
