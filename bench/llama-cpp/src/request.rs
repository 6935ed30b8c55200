//! What is asked and what is answered: JSON, a line each.

use serde::{Deserialize, Serialize};

/// Requests, each of which comes at its time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    pub(crate) requests: Vec<Request>,
}

/// One text to continue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) prompt: String,
    /// Tokens of the answer. It does not end before, whatever the model says.
    pub(crate) tokens: usize,
    /// When it comes, counted from when the line is read.
    pub(crate) after_ms: u64,
}

/// The answers, in the order of the requests.
#[derive(Serialize)]
pub(crate) struct Answered {
    pub(crate) answers: Vec<Answer>,
    /// Until the last token of all.
    pub(crate) elapsed_ms: f64,
}

/// When one answer came.
#[derive(Serialize)]
pub(crate) struct Answer {
    pub(crate) prompt_tokens: usize,
    /// When each token came, counted from when its request came.
    pub(crate) tokens_ms: Vec<f64>,
}
