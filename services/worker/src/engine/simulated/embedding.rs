//! Simulated vectors: each follows from its input alone, in every worker and at any time the same.

use super::{Behaviour, Simulated, TIMER_STEP, tokens_of};
use crate::engine::embedding::{check_lengths, to_unit_length};
use crate::engine::{
    Broken, Delivery, Disruption, Embedder, Embedding, EmbeddingJob, EmbeddingRefusal, Load, NotBegun,
    Readiness, Taking, Ticket, Vectors,
};
use spillway_inference::request::Input;
use spillway_primitives::rng_from;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

/// How many numbers a vector has, as many as those of the default embedding model.
const DIMENSIONS: usize = 384;

/// The simulated engine as one that makes vectors. Its requests take the same slots as those for text.
#[derive(Debug)]
pub struct SimulatedVectors(pub Arc<Simulated>);

/// One request on its way.
struct Run {
    ticket: Ticket,
    vectors: Vectors,
    reply: oneshot::Sender<Result<Vectors, Broken>>,
    lasts: Duration,
    /// It takes its slot and does nothing with it.
    stalls: bool,
}

impl SimulatedVectors {
    fn take(&self, job: &EmbeddingJob) -> Result<Embedding, EmbeddingRefusal> {
        let Self(engine) = self;
        let (disruption, service, _) = engine.draw(&engine.behaviour());
        let lengths = job.inputs.items().iter().map(tokens);
        let (limit, limit_in_all) = (engine.config.max_prompt_tokens, engine.config.max_embedding_tokens);
        let prompt_tokens = check_lengths(lengths, limit, limit_in_all)?;
        let ticket = engine.occupancy.admit()?;
        engine.metrics.embedding_tokens.inc_by(u64::from(prompt_tokens));
        let (reply, vectors) = oneshot::channel();
        let run = Run {
            ticket,
            vectors: job.inputs.items().iter().map(vector).collect(),
            reply,
            lasts: service.prompt(prompt_tokens),
            stalls: disruption == Some(Disruption::Stall),
        };
        tokio::spawn(run.run(Arc::clone(&engine.slots)));
        let delivery = Delivery { headers_first: false, disruption };
        Ok(Embedding { prompt_tokens, vectors, delivery, hold: None })
    }
}

impl Embedder for SimulatedVectors {
    fn readiness(&self) -> Readiness {
        let Behaviour { ready, .. } = self.0.behaviour();
        if ready { Readiness::Ready } else { Readiness::NotReady }
    }

    /// All is in the load of the one engine.
    fn load(&self) -> Load {
        Load::default()
    }

    fn dimensions(&self) -> Option<usize> {
        Some(DIMENSIONS)
    }

    /// The slots are those of the one engine, which hands back for both.
    fn hand_back(&self) {}

    fn embed(&self, job: EmbeddingJob) -> Taking<'_> {
        Box::pin(std::future::ready(self.take(&job)))
    }
}

impl Run {
    /// Waits for a slot, then for as long as the work would take, unless the client leaves first.
    async fn run(mut self, slots: Arc<Semaphore>) {
        let slot = tokio::select! {
            biased;
            () = self.reply.closed() => return,
            slot = slots.acquire() => slot,
        };
        let Ok(slot) = slot else {
            // The client may have left: there is nobody to tell.
            let _ = self.reply.send(Err(Broken::NotBegun(NotBegun::HandedBack)));
            return;
        };
        self.ticket.start(std::time::Instant::now());
        let work = async {
            if self.stalls {
                std::future::pending::<()>().await;
            }
            if self.lasts >= TIMER_STEP / 2 {
                sleep(self.lasts).await;
            }
        };
        let is_done = tokio::select! {
            biased;
            () = self.reply.closed() => false,
            () = work => true,
        };
        // The count goes down before the next request can start, so that never more than all slots run.
        drop(self.ticket);
        drop(slot);
        if is_done {
            // The client may have left: there is nobody to tell.
            let _ = self.reply.send(Ok(self.vectors));
        }
    }
}

fn tokens(input: &Input) -> usize {
    match input {
        Input::Text(text) => tokens_of(text),
        Input::Tokens(tokens) => tokens.len(),
    }
}

/// A direction that is drawn from the bytes of an input.
fn vector(input: &Input) -> Vec<f32> {
    let seeds: Vec<u64> = match input {
        Input::Text(text) => text.as_bytes().chunks(8).map(seed).chain([u64::MAX]).collect(),
        Input::Tokens(tokens) => tokens.iter().copied().map(u64::from).collect(),
    };
    let mut rng = rng_from(&seeds);
    let drawn = (0..DIMENSIONS).map(|_| rng.f32() - 0.5).collect();
    to_unit_length(drawn).unwrap_or_else(|| vec![0.0; DIMENSIONS])
}

fn seed(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
