//! An engine whose answers come from a service-time model instead of a language model.
//!
//! Load tests on a few cores need many workers that are busy without using the processor. Everything around the
//! engine is real: the HTTP path, the queue, the events, the load report. Only the work is a wait: a base latency,
//! a time for each token of the prompt and for each token of the answer, with jitter from a seed.
//!
//! Faults can be injected while it runs: see [`Behaviour`].
//!
//! What it does not model: slots share nothing, so a full worker is not slower for each request than an idle one.

mod behaviour;
mod embedding;
mod service_time;
mod text;

pub use behaviour::{Behaviour, BehaviourError, Change, Fault};
pub use embedding::SimulatedVectors;
pub use service_time::{Rates, ServiceTime};

use super::{
    Delivery, Disruption, Engine, Generation, Job, Load, NotBegun, Occupancy, Output, Prompt, Readiness,
    Refusal, Submission, Ticket,
};
use crate::metrics::{Metrics, TextMetrics};
use spillway_inference::request::Format;
use spillway_inference::response::{Candidate, FinishReason, Token, TokenLogprobs};
use spillway_primitives::{Rng, rng_from};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// Timers go off in steps of this, rounded up. What is due within half a step is due.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// What a simulated engine is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Requests that run at the same time, at least 1.
    pub slots: usize,
    /// Requests that may wait.
    pub queue: usize,
    /// How long things take.
    pub rates: Rates,
    /// Everything random follows from it and from the number of the request.
    pub seed: u64,
    /// The length of an answer whose request does not say, in tokens.
    pub default_output_tokens: u32,
    /// The longest prompt, in tokens.
    pub max_prompt_tokens: usize,
    /// The most tokens of all inputs of an embedding request.
    pub max_embedding_tokens: usize,
    /// How it behaves at first.
    pub behaviour: Behaviour,
}

/// The simulated engine.
#[derive(Debug)]
pub struct Simulated {
    config: Config,
    behaviour: RwLock<Behaviour>,
    occupancy: Arc<Occupancy>,
    /// One permit for each slot, given out in order.
    slots: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    text: TextMetrics,
    /// How many requests have come.
    requests: AtomicU64,
}

impl Simulated {
    /// An engine with nothing to do.
    #[must_use]
    pub fn new(config: Config, metrics: Arc<Metrics>) -> Self {
        Self {
            config,
            behaviour: RwLock::new(config.behaviour),
            occupancy: Occupancy::new(config.slots, config.queue),
            slots: Arc::new(Semaphore::new(config.slots)),
            text: metrics.of_model(),
            metrics,
            requests: AtomicU64::new(0),
        }
    }

    /// How it behaves now.
    pub fn behaviour(&self) -> Behaviour {
        *self.behaviour.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how it behaves, for requests that come from now on. What the change does not name goes back to what
    /// the worker was started with.
    ///
    /// # Errors
    /// When a value is out of range; then nothing changes.
    pub fn change(&self, change: Change) -> Result<Behaviour, BehaviourError> {
        let behaviour = self.config.behaviour.with(change)?;
        *self.behaviour.write().unwrap_or_else(PoisonError::into_inner) = behaviour;
        Ok(behaviour)
    }

    /// What goes wrong with one more request, how long it takes, and what else is to be drawn for it.
    fn draw(&self, behaviour: &Behaviour) -> (Option<Disruption>, ServiceTime, Rng) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut rng = rng_from(&[self.config.seed, number]);
        let disruption = behaviour.disruption(rng.f64());
        (disruption, ServiceTime::draw(&self.config.rates, behaviour, rng.f64()), rng)
    }

    fn take(&self, job: Job) -> Result<Generation, Refusal> {
        if job.format != Format::Text {
            let why =
                "the simulated engine answers in plain words, leave it out or set it to {\"type\": \"text\"}";
            return Err(Refusal::Format { param: "response_format", why: why.to_owned() });
        }
        let behaviour = self.behaviour();
        let (disruption, service, mut rng) = self.draw(&behaviour);
        let prompt_tokens = prompt_tokens(&job.prompt, self.config.max_prompt_tokens)?;
        let ticket = self.occupancy.admit()?;
        // Without a limit of its own an answer ends because the model is done.
        let max_tokens = job.max_tokens.unwrap_or(u32::MAX);
        let length = job.max_tokens.unwrap_or(self.config.default_output_tokens);
        let (output, events) = Output::new(prompt_tokens, max_tokens, job.stop, self.text.clone());
        let words =
            text::Words::new(job.seed.map_or_else(|| rng_from(&[rng.u64(..)]), |seed| rng_from(&[seed])));
        let delivery = Delivery { headers_first: behaviour.headers_first, disruption };
        let stalls = disruption == Some(Disruption::Stall);
        let slots = Arc::clone(&self.slots);
        let logprobs = job.logprobs;
        tokio::spawn(run(
            slots,
            Run { ticket, output, service, prompt_tokens, length, words, logprobs, stalls },
        ));
        Ok(Generation { prompt_tokens, events, delivery, hold: None })
    }
}

impl Engine for Simulated {
    fn readiness(&self) -> Readiness {
        if self.behaviour().ready { Readiness::Ready } else { Readiness::NotReady }
    }

    fn load(&self) -> Load {
        Load { gpu_utilization: self.behaviour().gpu_utilization, ..self.occupancy.load() }
    }

    /// No slot is given to anybody any more.
    fn metrics(&self) -> &TextMetrics {
        &self.text
    }

    fn hand_back(&self) {
        self.slots.close();
    }

    fn submit(&self, job: Job) -> Submission<'_> {
        Box::pin(std::future::ready(self.take(job)))
    }
}

/// Four bytes are a token, as they are for English text, and a message costs four more.
fn prompt_tokens(prompt: &Prompt, limit: usize) -> Result<u32, Refusal> {
    let tokens = match prompt {
        Prompt::Text(text) => tokens_of(text),
        Prompt::Chat(messages) => messages.iter().map(|message| 4 + tokens_of(&message.content)).sum(),
    };
    if tokens > limit {
        return Err(Refusal::PromptTooLong { tokens, limit });
    }
    Ok(u32::try_from(tokens).unwrap_or(u32::MAX))
}

fn tokens_of(text: &str) -> usize {
    const BYTES_PER_TOKEN: usize = 4;
    text.len().div_ceil(BYTES_PER_TOKEN)
}

/// One request on its way.
struct Run {
    ticket: Ticket,
    output: Output,
    service: ServiceTime,
    prompt_tokens: u32,
    length: u32,
    words: text::Words,
    logprobs: Option<u32>,
    /// It takes its slot and does nothing with it.
    stalls: bool,
}

/// Waits for a slot, then makes the answer, unless the client leaves first.
async fn run(slots: Arc<Semaphore>, mut run: Run) {
    let slot = tokio::select! {
        biased;
        () = run.output.abandoned() => return,
        slot = slots.acquire() => slot,
    };
    let Ok(slot) = slot else { return run.output.give_up(NotBegun::HandedBack) };
    run.ticket.start(std::time::Instant::now());
    if run.stalls {
        run.output.abandoned().await;
    } else {
        generate(&mut run).await;
    }
    // The count goes down before the next request can start, so that never more than all slots run.
    drop(run);
    drop(slot);
}

async fn generate(run: &mut Run) {
    // Deadlines are absolute: what a timer is late by once is not added up over the tokens.
    let first = Instant::now() + run.service.first_token(run.prompt_tokens);
    for index in 0..run.length {
        if !wait_until(first + run.service.later_tokens(index), &run.output).await {
            return;
        }
        let last = index + 1 == run.length;
        let word = run.words.next(last);
        let logprobs = run.logprobs.map(|most| certain(word, most));
        if let ControlFlow::Break(()) = run.output.token(word, logprobs) {
            return;
        }
    }
    // The client may have left: there is nobody to tell.
    let _ = run.output.finish(FinishReason::Stop);
}

/// The only word that could come.
fn certain(word: &str, most: u32) -> TokenLogprobs {
    let token = Candidate { token: Token::Text(word.as_bytes().to_vec()), logprob: 0.0 };
    let top = if most > 0 { vec![token.clone()] } else { Vec::new() };
    TokenLogprobs { token, top, text_offset: 0 }
}

/// False when the client has left.
async fn wait_until(deadline: Instant, output: &Output) -> bool {
    if deadline.saturating_duration_since(Instant::now()) < TIMER_STEP / 2 {
        return !output.is_abandoned();
    }
    tokio::select! {
        biased;
        () = output.abandoned() => false,
        () = sleep_until(deadline) => true,
    }
}
