//! What all handlers share.

use super::auth::Token;
use super::error::{ApiError, Code};
use crate::budgets::Budgets;
use crate::cache::Cache;
use crate::metrics::{Metrics, exposition};
use spillway_serving::Served;
use spillway_serving::exposition::Exposition;
use spillway_serving::life::{Life, Phase};
use std::sync::Arc;
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

/// What all handlers share.
#[derive(Debug)]
pub struct App {
    /// The tiers.
    pub cache: Arc<Cache>,
    /// What was used of budgets.
    pub budgets: Arc<Budgets>,
    /// What requests must prove to know, if anything.
    pub token: Option<Token>,
    /// Bounds on requests.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How that is shown.
    pub exposition: Exposition,
    /// Where the cache tier is in its life.
    pub life: Life,
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
    pub fn new(cache: Arc<Cache>, budgets: Arc<Budgets>, token: Option<Token>, limits: Limits) -> Self {
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
            exposition: exposition(&metrics, Arc::clone(&cache), Arc::clone(&budgets)),
            cache,
            budgets,
            token,
            limits,
            metrics,
            life: Life::default(),
            places: Arc::new(Semaphore::new(limits.max_requests)),
            receiving: Arc::new(Semaphore::new(limits.max_receiving_bytes)),
        }
    }

    /// Takes a request, or refuses it.
    pub(super) fn take(&self) -> Result<Place, ApiError> {
        if self.life.phase() == Phase::Draining {
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

impl Served for App {
    fn enter(&self, phase: Phase) {
        self.life.enter(phase);
        if phase == Phase::Draining {
            self.cache.leases.dismiss();
        }
    }

    fn in_flight(&self) -> usize {
        self.limits.max_requests.saturating_sub(self.places.available_permits())
    }
}
