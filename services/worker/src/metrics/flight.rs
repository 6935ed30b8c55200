//! One request from being taken to its end.
//!
//! It is a guard: whatever happens to the request, dropping the guard counts it out. Nobody who forgets to say how a
//! request ended can lose it; it then counts as cancelled, which is what a dropped future or body means.

use super::{Metrics, Outcome, TextMetrics};
use spillway_inference::response::Usage;
use std::sync::Arc;
use std::time::Instant;

/// A request in flight.
#[derive(Debug)]
pub struct Flight {
    metrics: Arc<Metrics>,
    started: Instant,
    has_text: bool,
    outcome: Outcome,
    usage: Usage,
    kind: Kind,
}

/// What is asked for. How long the one takes says nothing of the other.
#[derive(Debug)]
enum Kind {
    Generation(TextMetrics),
    Embedding,
}

impl Kind {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Generation(_) => "generation",
            Self::Embedding => "embedding",
        }
    }
}

impl Flight {
    /// A generation request that was taken by that model at `now`.
    #[must_use]
    pub fn generation(metrics: Arc<Metrics>, model: TextMetrics, now: Instant) -> Self {
        Self::begin(metrics, now, Kind::Generation(model))
    }

    /// An embedding request that was taken at `now`.
    #[must_use]
    pub fn embedding(metrics: Arc<Metrics>, now: Instant) -> Self {
        Self::begin(metrics, now, Kind::Embedding)
    }

    fn begin(metrics: Arc<Metrics>, now: Instant, kind: Kind) -> Self {
        metrics.in_flight.enter(now);
        let (outcome, usage) = (Outcome::Cancelled, Usage::default());
        Self { metrics, started: now, has_text: false, outcome, usage, kind }
    }

    /// A piece of text came at `now`; the first one counts.
    pub fn text(&mut self, now: Instant) {
        if let Kind::Generation(model) = &self.kind
            && !std::mem::replace(&mut self.has_text, true)
        {
            model.first_token((now - self.started).as_secs_f64());
        }
    }

    /// The answer is whole and only has to be sent.
    pub fn completed(&mut self, usage: Usage) {
        self.usage = usage;
        self.outcome = Outcome::Completed;
    }

    /// It will end in another way than by its client leaving.
    pub fn ends_as(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let now = Instant::now();
        self.metrics.in_flight.leave(now);
        self.metrics.count(self.outcome);
        let duration = now - self.started;
        match &self.kind {
            Kind::Generation(model) => model.ended(duration.as_secs_f64()),
            Kind::Embedding => self.metrics.embedding_duration_s.observe(duration.as_secs_f64()),
        }
        tracing::debug!(
            kind = self.kind.as_str(),
            outcome = self.outcome.as_str(),
            duration_ms = duration.as_millis(),
            prompt_tokens = self.usage.prompt_tokens,
            output_tokens = self.usage.completion_tokens,
            "request ended"
        );
    }
}
