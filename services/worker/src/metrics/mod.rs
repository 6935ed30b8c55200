//! What the worker counts, for Prometheus and for the load report.
//!
//! Every generation and embedding request is counted exactly once, by its [`Outcome`]. Labels never hold anything that a client
//! sent.

mod exposition;
mod flight;
mod gpu;
mod in_flight;
mod text;
mod vllm;

pub use exposition::exposition;
pub use flight::Flight;
pub use gpu::{Gpu, GpuSample};
pub use in_flight::InFlight;
pub use text::{TextCounts, TextMetrics};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use spillway_weights::counters::Counters;

/// Seconds; from an idle simulated worker to a queue that is far too long.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 15.0, 60.0];

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The whole answer was handed over.
    Completed,
    /// The client left, or the worker stopped, before the answer was whole.
    Cancelled,
    /// The request was at fault.
    Invalid,
    /// Refused: the queue was full.
    Overloaded,
    /// Its client's time passed before there was a slot.
    Expired,
    /// Refused: loading or draining.
    Unavailable,
    /// The engine failed.
    Failed,
    /// A fault that was asked for.
    Injected,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Completed,
        Self::Cancelled,
        Self::Invalid,
        Self::Overloaded,
        Self::Expired,
        Self::Unavailable,
        Self::Failed,
        Self::Injected,
    ];

    /// The label's value, and the word in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Invalid => "invalid",
            Self::Overloaded => "overloaded",
            Self::Expired => "expired",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
            Self::Injected => "injected",
        }
    }

    /// The worker is to blame: counted in the load report's errors per second.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Overloaded | Self::Expired | Self::Unavailable | Self::Failed | Self::Injected)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// The worker's own metrics. What others know better (slots, queue) is asked for at scrape time: [`exposition()`].
#[derive(Debug)]
pub struct Metrics {
    requests: Family<OutcomeLabel, Counter>,
    /// What is counted of answers in text, of all models together.
    pub text: TextCounts,
    /// Tokens of the inputs of embedding requests that were taken.
    pub embedding_tokens: Counter,
    /// From taking an embedding request to its end.
    pub embedding_duration_s: Histogram,
    /// Requests that run or wait.
    pub in_flight: InFlight,
    /// What the weights cache counts.
    pub weights: Counters,
    /// What the GPU said last.
    pub gpu: Gpu,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        for outcome in Outcome::ALL {
            // A counter that is there from the start has a first increase that a query can see.
            requests.get_or_create_owned(&OutcomeLabel { outcome: outcome.as_str() });
        }
        Self {
            requests,
            text: TextCounts::default(),
            embedding_tokens: Counter::default(),
            embedding_duration_s: Histogram::new(SECONDS),
            in_flight: InFlight::default(),
            weights: Counters::default(),
            gpu: Gpu::default(),
        }
    }
}

impl Metrics {
    /// Where one more model that generates text counts.
    #[must_use]
    pub fn of_model(&self) -> TextMetrics {
        TextMetrics::beside(&self.text)
    }

    /// Counts a request.
    pub fn count(&self, outcome: Outcome) {
        self.requests.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
    }

    /// How many requests ended that way.
    #[must_use]
    pub fn requests(&self, outcome: Outcome) -> u64 {
        self.requests.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).get()
    }
}
