//! An engine that runs a BERT encoder on the processor: a sentence in, a vector out.
//!
//! One thread computes, beside the one of the language model. It works on a request at a time, some inputs in one pass, and
//! looks between two passes whether the client is still there and whether a more important request waits.
//!
//! ```text
//! folder     which files there are, and what they say of the model
//! words      text to tokens
//! weights    the numbers
//! encoder    the forward pass
//! worker     the thread that puts these together
//! ```
//!
//! A folder is laid out as the library sentence-transformers does it: `config.json`, `tokenizer.json`, `model.safetensors`,
//! and, where they are there, `sentence_bert_config.json` and `1_Pooling/config.json`. What the vectors are made of is the
//! mean over the tokens; models that are made for another pooling are refused.

mod encoder;
mod folder;
mod shape;
#[cfg(test)]
mod tests;
mod weights;
mod words;
mod worker;

use super::computing::{self, Failure};
use super::embedding::{EmbeddingJob, EmbeddingRefusal, Taking, check_lengths};
use super::queue::Queue;
use super::watch::Watch;
use super::{Delivery, Embedder, Embedding, Load, Occupancy, Readiness, Refusal};
use crate::metrics::Metrics;
use spillway_inference::request::Input;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use words::Words;
use worker::Work;

/// What an embedding engine is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the model's files are.
    pub folder: PathBuf,
    /// Requests that may wait.
    pub queue: usize,
    /// The most tokens of all inputs of a request.
    pub max_request_tokens: usize,
    /// A pass that takes longer is stuck.
    pub step_limit: Duration,
}

/// The embedding engine.
#[derive(Debug)]
pub struct Bert {
    config: Config,
    occupancy: Arc<Occupancy>,
    metrics: Arc<Metrics>,
    queue: Queue<Work>,
    ready: OnceLock<Ready>,
    watch: Watch,
}

/// What is known once the model is loaded.
#[derive(Debug)]
struct Ready {
    words: Arc<Words>,
    dimensions: usize,
    /// The most tokens of an input.
    input_tokens: usize,
}

/// What the weights of the model in that folder take in memory, in bytes.
///
/// # Errors
/// When it does not say.
pub fn weights_bytes(folder: &Path) -> anyhow::Result<u64> {
    Ok(folder::describe(folder)?.weights_bytes())
}

impl Bert {
    /// Starts to load a model. The failure comes when that fails, or when computing ends for good.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(config: Config, metrics: Arc<Metrics>) -> anyhow::Result<(Arc<Self>, Failure)> {
        let bert = Arc::new(Self {
            occupancy: Occupancy::new(1, config.queue),
            watch: Watch::new(config.step_limit),
            config,
            metrics,
            queue: Queue::default(),
            ready: OnceLock::new(),
        });
        let on_thread = Arc::clone(&bert);
        let failure =
            computing::start("embed", ("embedding", "embedding model"), move || worker::run(&on_thread))?;
        Ok((bert, failure))
    }

    async fn take(&self, job: EmbeddingJob) -> Result<Embedding, EmbeddingRefusal> {
        let ready = self.ready.get().ok_or(Refusal::NotReady)?;
        if let Some(lasts) = self.watch.stuck_for() {
            return Err(Refusal::Stuck { seconds: lasts.as_secs() }.into());
        }
        let ticket = self.occupancy.admit()?;
        let EmbeddingJob { inputs, level, deadline } = job;
        let words = Arc::clone(&ready.words);
        // Long texts take milliseconds: not on a thread that moves bytes.
        let read = tokio::task::spawn_blocking(move || {
            let inputs = inputs.items().iter().enumerate();
            inputs.map(|(index, input)| read(&words, index, input)).collect::<Result<Vec<_>, _>>()
        });
        let could_not = |_| Refusal::Prompt("the inputs could not be read".to_owned());
        let inputs = read.await.map_err(could_not)??;
        let lengths = inputs.iter().map(Vec::len);
        let prompt_tokens = check_lengths(lengths, ready.input_tokens, self.config.max_request_tokens)?;
        self.metrics.embedding_tokens.inc_by(u64::from(prompt_tokens));
        let (reply, vectors) = oneshot::channel();
        let work = Work { ticket, inputs, vectors: Vec::new(), reply, level, deadline };
        let place = self.queue.push(work, Instant::now());
        Ok(Embedding { prompt_tokens, vectors, delivery: Delivery::default(), hold: Some(Box::new(place)) })
    }
}

/// The tokens of an input. A text gets the tokens that the model wants around it; tokens are taken as they are.
fn read(words: &Words, index: usize, input: &Input) -> Result<Vec<u32>, EmbeddingRefusal> {
    let tokens = match input {
        Input::Text(text) => words.tokens(text).map_err(|why| Refusal::Prompt(why.to_owned()))?,
        Input::Tokens(tokens) => tokens.clone(),
    };
    match words.first_unknown(&tokens) {
        None => Ok(tokens),
        Some((position, token)) => {
            Err(EmbeddingRefusal::NoSuchToken { index, position, token, last: words.last() })
        }
    }
}

impl Embedder for Bert {
    fn readiness(&self) -> Readiness {
        match (self.ready.get(), self.watch.stuck_for()) {
            (Some(_), None) => Readiness::Ready,
            (Some(_), Some(lasts)) => Readiness::Stuck { seconds: lasts.as_secs() },
            (None, _) => Readiness::Loading { step: "preparing", percent: 0, bytes: None },
        }
    }

    fn load(&self) -> Load {
        self.occupancy.load()
    }

    fn dimensions(&self) -> Option<usize> {
        self.ready.get().map(|ready| ready.dimensions)
    }

    fn hand_back(&self) {
        self.queue.hand_back();
    }

    fn embed(&self, job: EmbeddingJob) -> Taking<'_> {
        Box::pin(self.take(job))
    }
}
