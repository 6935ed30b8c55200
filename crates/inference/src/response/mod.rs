//! The bodies of answers, in OpenAI's shapes.
//!
//! Everything is borrowed and only written: the engine's text goes into the body without a copy in between.
//!
//! What it does not hold: error bodies (they are part of what all of Spillway agrees on).

mod chat;
mod completion;
mod embedding;
mod logprobs;
mod models;
#[cfg(test)]
mod tests;
mod usage;

pub use chat::{ChatAnswer, ChatChunk};
pub use completion::{CompletionAnswer, CompletionChunk};
pub use embedding::EmbeddingAnswer;
pub use logprobs::{Candidate, Token, TokenLogprobs};
pub use models::ModelList;
pub use usage::{FinishReason, Usage};

/// What every body of one answer repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// The answer's id, such as `chatcmpl-17`.
    pub id: &'a str,
    /// When the answer was begun, in seconds since 1970.
    pub created_s: u64,
    /// The model that answered.
    pub model: &'a str,
}
