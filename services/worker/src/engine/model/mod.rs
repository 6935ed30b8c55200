//! An engine that runs a language model, on the processor or on a GPU.
//!
//! One thread computes. It works on several requests together, step by step; the others wait in a bounded queue. Clients
//! that leave are noticed between two steps, and at once while they wait.
//!
//! ```text
//! source     where the model's file comes from
//! weights    the model's file, requantised once and kept
//! language   text to tokens and back: tokenizer, chat template, UTF-8
//! llama      the forward pass
//! kv         what is remembered of texts: pages of keys and values
//! sampler    from scores to the next token
//! likelihood how likely tokens are
//! grammar    which tokens may come, where an answer is to have a form
//! batch      who is worked on, step by step
//! worker     the thread that puts these together
//! ```
//!
//! Of the architectures it serves only Llama's.

mod batch;
mod grammar;
mod kv;
mod language;
mod likelihood;
mod llama;
mod metadata;
mod need;
mod sampler;
mod source;
#[cfg(test)]
mod tests;
mod weights;
mod worker;

pub use source::{Cached, Source};

use super::budget::Budget;
use super::computing::{self, Failure};
use super::device::Compute;
use super::queue::Queue;
use super::watch::Watch;
use super::{Delivery, Engine, Generation, Job, Load, Occupancy, Output, Readiness, Refusal, Submission};
use crate::metrics::{Metrics, TextMetrics};
use grammar::Grammars;
use language::Language;
use spillway_weights::Progress;
use spillway_weights::progress::Step;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use worker::Work;

/// What a model engine is made of.
#[derive(Debug)]
pub struct Config {
    /// The model's name.
    pub name: String,
    /// The model, in GGUF format.
    pub source: Source,
    /// What computes.
    pub compute: Compute,
    /// The memory that it may use, with others.
    pub budget: Option<Budget>,
    /// Where the requantised model is kept; where `None`, beside the model, or where the weights cache keeps such things.
    pub cache_dir: Option<PathBuf>,
    /// Requests that are worked on together, at least 1.
    pub slots: usize,
    /// Requests that may wait.
    pub queue: usize,
    /// What the keys and values of all texts may take, in bytes.
    pub kv_cache_bytes: usize,
    /// The longest prompt, in tokens. The model's context is a limit as well.
    pub max_prompt_tokens: usize,
    /// The length of an answer whose request does not say, in tokens.
    pub default_output_tokens: u32,
    /// A step that takes longer is stuck.
    pub step_limit: Duration,
}

/// The model engine.
#[derive(Debug)]
pub struct Model {
    config: Config,
    occupancy: Arc<Occupancy>,
    metrics: TextMetrics,
    queue: Queue<Work>,
    state: State,
    watch: Watch,
    /// Makes the seeds of requests that have none of their own.
    submitted: AtomicU64,
}

/// What the computing thread tells everybody else.
#[derive(Debug, Default)]
struct State {
    /// How far the weights are, where they come from the weights cache.
    fetched: Arc<Progress>,
    percent: AtomicU8,
    ready: OnceLock<Ready>,
    /// The share of the key-value cache that is held, in thousandths.
    memory_use: AtomicU32,
}

impl State {
    fn loading(&self) -> Readiness {
        let stand = self.fetched.stand();
        if stand.total > 0 && stand.step != Step::Done {
            let percent = stand.percent().min(99);
            return Readiness::Loading {
                percent,
                step: stand.step.as_str(),
                bytes: Some((stand.done, stand.total)),
            };
        }
        let percent = self.percent.load(Ordering::Relaxed).min(99);
        Readiness::Loading { percent, step: "preparing", bytes: None }
    }
}

/// What is known once the model is loaded.
#[derive(Debug)]
struct Ready {
    language: Arc<Language>,
    grammars: Arc<Grammars>,
    context_tokens: usize,
}

impl Model {
    /// Starts to load a model. The failure comes when that fails, or when computing ends for good.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(config: Config, metrics: &Metrics) -> anyhow::Result<(Arc<Self>, Failure)> {
        let model = Arc::new(Self {
            occupancy: Occupancy::new(config.slots, config.queue),
            watch: Watch::new(config.step_limit),
            config,
            metrics: metrics.of_model(),
            queue: Queue::default(),
            state: State::default(),
            submitted: AtomicU64::new(0),
        });
        let on_thread = Arc::clone(&model);
        let failure = computing::start("compute", ("computing", "model"), move || worker::run(&on_thread))?;
        Ok((model, failure))
    }

    async fn take(&self, job: Job) -> Result<Generation, Refusal> {
        let ready = self.state.ready.get().ok_or(Refusal::NotReady)?;
        if let Some(lasts) = self.watch.stuck_for() {
            return Err(Refusal::Stuck { seconds: lasts.as_secs() });
        }
        let ticket = self.occupancy.admit()?;
        let seed = self.seed(job.seed);
        let tokens = encode(Arc::clone(&ready.language), job.prompt).await?;
        let limit = self.config.max_prompt_tokens.min(ready.context_tokens.saturating_sub(1));
        if tokens.len() > limit {
            return Err(Refusal::PromptTooLong { tokens: tokens.len(), limit });
        }
        let constraint = Arc::clone(&ready.grammars).compile(job.format).await?;
        let left = u32::try_from(ready.context_tokens - tokens.len()).unwrap_or(u32::MAX);
        let max_tokens = job.max_tokens.unwrap_or(self.config.default_output_tokens).min(left);
        let prompt_tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let (output, events) = Output::new(prompt_tokens, max_tokens, job.stop, self.metrics.clone());
        let Job { sampling, logprobs, level, deadline, .. } = job;
        let work = Work { ticket, tokens, output, sampling, seed, logprobs, constraint, level, deadline };
        let place = self.queue.push(work, Instant::now());
        Ok(Generation { prompt_tokens, events, delivery: Delivery::default(), hold: Some(Box::new(place)) })
    }

    fn seed(&self, own: Option<u64>) -> [u64; 2] {
        own.map_or_else(
            || {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                [u64::from(now.subsec_nanos()), self.submitted.fetch_add(1, Ordering::Relaxed)]
            },
            |seed| [seed, 0],
        )
    }
}

/// Long prompts take milliseconds: not on a thread that moves bytes.
async fn encode(language: Arc<Language>, prompt: super::Prompt) -> Result<Vec<u32>, Refusal> {
    tokio::task::spawn_blocking(move || language.encode(&prompt))
        .await
        .unwrap_or_else(|_| Err("the prompt could not be read".to_owned()))
        .map_err(Refusal::Prompt)
}

impl Engine for Model {
    fn readiness(&self) -> Readiness {
        match (self.state.ready.get(), self.watch.stuck_for()) {
            (Some(_), None) => Readiness::Ready,
            (Some(_), Some(lasts)) => Readiness::Stuck { seconds: lasts.as_secs() },
            (None, _) => self.state.loading(),
        }
    }

    fn load(&self) -> Load {
        let is_loaded = self.state.ready.get().is_some();
        let memory_use = f64::from(self.state.memory_use.load(Ordering::Relaxed)) / 1000.0;
        Load { kv_cache_utilization: is_loaded.then_some(memory_use), ..self.occupancy.load() }
    }

    fn metrics(&self) -> &TextMetrics {
        &self.metrics
    }

    fn hand_back(&self) {
        self.queue.hand_back();
    }

    fn submit(&self, job: Job) -> Submission<'_> {
        Box::pin(self.take(job))
    }
}
