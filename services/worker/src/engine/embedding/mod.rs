//! What turns inputs into vectors.
//!
//! An [`Embedder`] takes an [`EmbeddingJob`] and gives back an [`Embedding`], whose vectors come when they are made.
//! Dropping it is how a client leaves, as with a generation.

mod unit;

pub(super) use unit::to_unit_length;

use super::{Broken, Delivery, Load, Readiness, Refusal};
use spillway_inference::request::Inputs;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// One request, checked.
#[derive(Debug, Clone)]
pub struct EmbeddingJob {
    /// What is to become vectors.
    pub inputs: Arc<Inputs>,
    /// How important it is beside others that wait; 0 is the most important.
    pub level: u8,
    /// When nobody waits for it to begin any more.
    pub deadline: Option<Instant>,
}

/// A vector of length 1 for each input, in order. All numbers are finite.
pub type Vectors = Vec<Vec<f32>>;

/// A job that was taken.
#[derive(Debug)]
pub struct Embedding {
    /// Tokens of all inputs together.
    pub prompt_tokens: u32,
    /// The vectors. Closed by the client to cancel.
    pub vectors: oneshot::Receiver<Result<Vectors, Broken>>,
    /// How to hand the answer over.
    pub delivery: Delivery,
    /// Dropped with the rest: gives back what a job holds that has not begun.
    pub hold: Option<Box<dyn Debug + Send>>,
}

/// Why a job was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingRefusal {
    /// For no reason of its inputs.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An input has too many tokens.
    #[error("has {tokens} tokens, the limit is {limit} for each input")]
    InputTooLong {
        /// Which input.
        index: usize,
        /// Its tokens.
        tokens: usize,
        /// The most that an input may have.
        limit: usize,
    },
    /// The inputs have too many tokens together.
    #[error("has {tokens} tokens in all, the limit is {limit} for a request")]
    TooLong {
        /// Tokens of all inputs.
        tokens: usize,
        /// The most that they may have.
        limit: usize,
    },
    /// An input has a token that the model does not know.
    #[error("expected a token of the model, an integer from 0 to {last}, got {token}")]
    NoSuchToken {
        /// Which input.
        index: usize,
        /// Which of its tokens.
        position: usize,
        /// What came.
        token: u32,
        /// The last token that there is.
        last: usize,
    },
}

/// The future of [`Embedder::embed`].
pub type Taking<'a> = Pin<Box<dyn Future<Output = Result<Embedding, EmbeddingRefusal>> + Send + 'a>>;

/// Something that turns inputs into vectors.
pub trait Embedder: Debug + Send + Sync + 'static {
    /// Whether jobs are taken now.
    fn readiness(&self) -> Readiness;

    /// What runs and waits here and is not counted by another engine of the worker.
    fn load(&self) -> Load;

    /// How many numbers a vector has; `None` while the model is not loaded.
    fn dimensions(&self) -> Option<usize>;

    /// Gives up every job that waits, since the worker is about to stop. Those that run are finished.
    fn hand_back(&self);

    /// Takes a job, or says at once why not.
    fn embed(&self, job: EmbeddingJob) -> Taking<'_>;
}

/// Refuses inputs of so many tokens each, where that is too many.
pub(super) fn check_lengths(
    lengths: impl Iterator<Item = usize>,
    limit: usize,
    limit_in_all: usize,
) -> Result<u32, EmbeddingRefusal> {
    let mut in_all = 0;
    for (index, tokens) in lengths.enumerate() {
        if tokens > limit {
            return Err(EmbeddingRefusal::InputTooLong { index, tokens, limit });
        }
        in_all += tokens;
    }
    if in_all > limit_in_all {
        return Err(EmbeddingRefusal::TooLong { tokens: in_all, limit: limit_in_all });
    }
    Ok(u32::try_from(in_all).unwrap_or(u32::MAX))
}
