//! What is counted of answers in text: of each model, and of all together.

use super::SECONDS;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// The counts of one model, or of all. A copy counts in the same place.
#[derive(Debug, Clone)]
pub struct TextCounts {
    /// Tokens of the prompts of requests that were taken.
    pub prompt_tokens: Counter,
    /// Tokens that were generated, also for clients that left.
    pub output_tokens: Counter,
    /// From taking a request to its first text.
    pub time_to_first_token_s: Histogram,
    /// From taking a request to its end.
    pub request_duration_s: Histogram,
}

/// Where a model counts: for itself, and for all together.
#[derive(Debug, Clone)]
pub struct TextMetrics {
    /// Its own counts.
    pub own: TextCounts,
    all: TextCounts,
}

impl Default for TextCounts {
    fn default() -> Self {
        Self {
            prompt_tokens: Counter::default(),
            output_tokens: Counter::default(),
            time_to_first_token_s: Histogram::new(SECONDS),
            request_duration_s: Histogram::new(SECONDS),
        }
    }
}

impl TextMetrics {
    pub(super) fn beside(all: &TextCounts) -> Self {
        Self { own: TextCounts::default(), all: all.clone() }
    }

    /// A request with so many tokens was taken.
    pub fn taken(&self, prompt_tokens: u32) {
        self.each(|counts| counts.prompt_tokens.inc_by(u64::from(prompt_tokens)));
    }

    /// A token was generated.
    pub fn token(&self) {
        self.each(|counts| counts.output_tokens.inc());
    }

    /// The first text came so long after the request was taken.
    pub fn first_token(&self, seconds: f64) {
        self.each(|counts| counts.time_to_first_token_s.observe(seconds));
    }

    /// A request ended so long after it was taken.
    pub fn ended(&self, seconds: f64) {
        self.each(|counts| counts.request_duration_s.observe(seconds));
    }

    fn each<T>(&self, count: impl Fn(&TextCounts) -> T) {
        count(&self.own);
        count(&self.all);
    }
}
