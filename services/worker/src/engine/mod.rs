//! What generates text, and what turns it into vectors.
//!
//! An [`Engine`] takes a [`Job`] and gives back a [`Generation`]: a channel of [`Event`]s that ends with
//! [`Event::Finished`], [`Event::NotBegun`] or [`Event::Failed`]. Dropping the generation is how a client leaves: the engine
//! frees what the job held and works on.
//!
//! The channel is not bounded by a number of events: it is bounded by the output limit of the job. So a client that
//! reads slowly never holds a slot that somebody else waits for.
//!
//! An [`Embedder`] is the same for vectors. Both kinds may be in one worker: [`Models`].
//!
//! An engine knows nothing of HTTP.

mod alignment;
mod computing;
mod embedding;
mod models;
mod occupancy;
mod output;
mod queue;
mod stop;
mod watch;

pub mod bert;
pub mod budget;
pub mod device;
pub mod gpu;
pub mod model;
pub mod simulated;

pub use computing::Failure;
pub use embedding::{Embedder, Embedding, EmbeddingJob, EmbeddingRefusal, Taking, Vectors};
pub use models::{EmbeddingModel, Models, TextModel};
pub use occupancy::{Load, Occupancy, Ticket};
pub use output::Output;

use crate::metrics::TextMetrics;
use spillway_inference::request::{Format, Message, Options, Sampling};
use spillway_inference::response::{FinishReason, TokenLogprobs, Usage};
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Instant;
use tokio::sync::mpsc;

/// What to continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A conversation, to be put into the model's chat template.
    Chat(Vec<Message>),
    /// A text as it is.
    Text(String),
}

/// One request, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What to continue.
    pub prompt: Prompt,
    /// The most tokens to generate, at least 1. Where `None`, the engine's default.
    pub max_tokens: Option<u32>,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Makes the answer repeatable.
    pub seed: Option<u64>,
    /// The answer ends before the first of these.
    pub stop: Vec<String>,
    /// Say how likely tokens were, and as many of the likeliest at each place.
    pub logprobs: Option<u32>,
    /// The form that the answer is to have.
    pub format: Format,
    /// How important it is beside others that wait; 0 is the most important.
    pub level: u8,
    /// When nobody waits for it to begin any more.
    pub deadline: Option<Instant>,
}

impl Job {
    /// The job that a request asks for, as important as any and without a deadline.
    #[must_use]
    pub fn new(prompt: Prompt, options: &Options) -> Self {
        Self {
            level: 0,
            deadline: None,
            prompt,
            max_tokens: options.max_tokens,
            sampling: options.sampling,
            seed: options.seed,
            stop: options.stop.clone(),
            logprobs: options.logprobs,
            format: options.format.clone(),
        }
    }
}

/// What happens to an answer, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The next piece of the answer.
    Text {
        /// Empty only where there are tokens whose text never became whole.
        text: String,
        /// How likely the tokens were that it begins with, where the job asks for that.
        logprobs: Vec<TokenLogprobs>,
    },
    /// The answer is whole. The last event.
    Finished {
        /// Why it ended.
        reason: FinishReason,
        /// Its token counts.
        usage: Usage,
    },
    /// It waited, and is not begun any more. The only event.
    NotBegun(NotBegun),
    /// The engine failed. The last event. The text is for the log, not for the client.
    Failed(String),
}

/// Why a job that waited is not begun any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBegun {
    /// Its deadline passed.
    Expired,
    /// The worker is about to stop: another one is to have it.
    HandedBack,
}

/// Why there is no answer to a job that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It waited, and is not begun any more.
    NotBegun(NotBegun),
    /// What the engine says about its failure: for the log, not for the client.
    Failed(String),
}

/// A job that was taken.
#[derive(Debug)]
pub struct Generation {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// What happens. Closed by the client to cancel.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// How to hand the answer over.
    pub delivery: Delivery,
    /// Dropped with the generation: gives back what a job holds that has not begun.
    pub hold: Option<Box<dyn Debug + Send>>,
}

/// How an answer is handed over. A real engine leaves it at its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Send the headers of a stream at once and not with the first event.
    pub headers_first: bool,
    /// Break the answer in this way.
    pub disruption: Option<Disruption>,
}

/// A fault that a client of the worker sees. Only the simulated engine makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disruption {
    /// Answer with this status instead.
    Status {
        /// 400 to 599.
        code: u16,
        /// The value of `Retry-After`, where there is to be one.
        retry_after_s: Option<u32>,
    },
    /// Reset the connection instead of answering.
    ResetBeforeHeaders,
    /// Reset the connection after this many events of a stream.
    ResetAfterEvents(u32),
    /// Never answer.
    Stall,
    /// End the answer cleanly but too early: a stream without its terminal event.
    Truncate,
}

/// Why a job was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The queue is full.
    #[error("all {slots} slots are taken and {waiting} requests wait, which is the limit")]
    QueueFull {
        /// Requests that can run at the same time.
        slots: usize,
        /// Requests that wait.
        waiting: usize,
        /// When a slot is likely to be free, in seconds, at least 1.
        retry_after_s: u32,
    },
    /// The prompt has too many tokens.
    #[error("the prompt has {tokens} tokens, the limit is {limit}")]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// The prompt cannot be put into the model's form.
    #[error("{0}")]
    Prompt(String),
    /// The answer cannot be given that form.
    #[error("{param}: {why}")]
    Format {
        /// The field that is wrong.
        param: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The engine cannot take jobs yet.
    #[error("the model is not loaded yet")]
    NotReady,
    /// The engine does not get on.
    #[error("the engine has worked on one step for {seconds} s")]
    Stuck {
        /// For how long.
        seconds: u64,
    },
}

/// Whether an engine can take jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// Not yet.
    Loading {
        /// What is being done.
        step: &'static str,
        /// How much of that is done, 0 to 99.
        percent: u8,
        /// The same in bytes, of how many, where it is about bytes.
        bytes: Option<(u64, u64)>,
    },
    /// It does not get on: it has worked on one step for too long.
    Stuck {
        /// For how many seconds.
        seconds: u64,
    },
    /// It was told to say no.
    NotReady,
}

/// The future of [`Engine::submit`].
pub type Submission<'a> = Pin<Box<dyn Future<Output = Result<Generation, Refusal>> + Send + 'a>>;

/// Something that generates text.
pub trait Engine: Debug + Send + Sync + 'static {
    /// Whether jobs are taken now.
    fn readiness(&self) -> Readiness;

    /// Slots, and how they are used.
    fn load(&self) -> Load;

    /// Where it counts.
    fn metrics(&self) -> &TextMetrics;

    /// Gives up every job that waits, since the worker is about to stop. Those that run are finished.
    fn hand_back(&self);

    /// Takes a job, or says at once why not. Once it is taken, its events come as they are made.
    fn submit(&self, job: Job) -> Submission<'_>;
}
