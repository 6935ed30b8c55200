//! What all handlers share.

use super::load_report::Utilization;
use crate::engine::Models;
use crate::engine::simulated::Simulated;
use crate::metrics::{Metrics, exposition};
use spillway_serving::Served;
use spillway_serving::exposition::Exposition;
use spillway_serving::life::{Life, Phase};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bounds on what one request may bring or ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes.
    pub max_body_bytes: usize,
    /// How long the body may take to come.
    pub body_timeout: Duration,
    /// The most tokens that a request may ask for.
    pub max_output_tokens: u32,
}

/// The priority levels of a worker that is told no others: those of the load-shedder.
pub const LEVELS: [&str; 3] = ["critical", "standard", "sheddable"];

/// What all handlers share.
#[derive(Debug)]
pub struct App {
    /// What generates text, and what makes vectors.
    pub models: Arc<Models>,
    /// The engine of both, where it is the simulated one.
    pub simulated: Option<Arc<Simulated>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How counts are shown.
    pub exposition: Exposition,
    /// What the process uses.
    pub utilization: Arc<Utilization>,
    /// Bounds on one request.
    pub limits: Limits,
    /// The names of the priority levels, most important first: [`LEVELS`] unless it is told others.
    pub levels: Vec<String>,
    /// When the worker started, in seconds since 1970.
    pub started_s: u64,
    /// Where the worker is in its life.
    pub life: Life,
    answers: AtomicU64,
}

impl App {
    /// A worker that serves these models.
    #[must_use]
    pub fn new(models: Models, metrics: Arc<Metrics>, limits: Limits) -> Self {
        let models = Arc::new(models);
        Self {
            exposition: exposition(&metrics, &models),
            models,
            simulated: None,
            metrics,
            utilization: Arc::default(),
            limits,
            levels: LEVELS.map(str::to_owned).into(),
            started_s: now_s(),
            life: Life::default(),
            answers: AtomicU64::new(0),
        }
    }

    /// The same, where the models are those of a simulated engine, whose behaviour can be changed.
    #[must_use]
    pub fn with_simulated(self, engine: Arc<Simulated>) -> Self {
        Self { simulated: Some(engine), ..self }
    }

    /// The same with other priority levels, most important first.
    #[must_use]
    pub fn with_levels(self, levels: Vec<String>) -> Self {
        Self { levels, ..self }
    }

    /// An id for one more answer, unlike those of other workers and of earlier runs.
    pub(super) fn next_id(&self, prefix: &str) -> String {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}-{:x}-{:x}-{number}", self.started_s, std::process::id())
    }
}

impl Served for App {
    fn enter(&self, phase: Phase) {
        self.life.enter(phase);
        if phase == Phase::Draining {
            self.models.hand_back();
        }
    }

    fn in_flight(&self) -> usize {
        usize::try_from(self.metrics.in_flight.count()).unwrap_or(usize::MAX)
    }
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
