//! What all handlers share.

use super::load_report::Utilization;
use crate::engine::Engine;
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
    /// What generates text.
    pub engine: Arc<dyn Engine>,
    /// The same engine, where it is the simulated one.
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
    /// The names of the models, here always one.
    pub models: [String; 1],
    /// When the worker started, in seconds since 1970.
    pub started_s: u64,
    /// Where the worker is in its life.
    pub life: Life,
    answers: AtomicU64,
}

impl App {
    /// A worker that serves `model` with `engine`.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, metrics: Arc<Metrics>, model: String, limits: Limits) -> Self {
        Self {
            exposition: exposition(&metrics, Arc::clone(&engine), &model),
            engine,
            simulated: None,
            metrics,
            utilization: Arc::default(),
            limits,
            levels: LEVELS.map(str::to_owned).into(),
            models: [model],
            started_s: now_s(),
            life: Life::default(),
            answers: AtomicU64::new(0),
        }
    }

    /// A worker with a simulated engine, whose behaviour can be changed.
    #[must_use]
    pub fn simulated(engine: Arc<Simulated>, metrics: Arc<Metrics>, model: String, limits: Limits) -> Self {
        let simulated = Some(Arc::clone(&engine));
        Self { simulated, ..Self::new(engine, metrics, model, limits) }
    }

    /// The same with other priority levels, most important first.
    #[must_use]
    pub fn with_levels(self, levels: Vec<String>) -> Self {
        Self { levels, ..self }
    }

    /// The name of the model that is served.
    #[must_use]
    pub fn model(&self) -> &str {
        let [model] = &self.models;
        model
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
    }

    fn in_flight(&self) -> usize {
        usize::try_from(self.metrics.in_flight.count()).unwrap_or(usize::MAX)
    }
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
