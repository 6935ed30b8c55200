//! The thread that computes.

use super::language::{Language, Utf8Stream};
use super::llama::{Cache, Llama, Shape};
use super::sampler::{Sampler, Sampling};
use super::weights::Weights;
use super::{Model, Ready};
use crate::engine::{Output, Ticket};
use anyhow::{Context, Result};
use spillway_inference::response::FinishReason;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A prompt is read in pieces of this many tokens, so that a client that leaves is noticed in between.
const PREFILL_TOKENS: usize = 64;

/// One request for the thread.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    pub(super) tokens: Vec<u32>,
    pub(super) output: Output,
    pub(super) sampling: Sampling,
}

/// A model and what it works with.
struct Machine<'a> {
    llama: Llama,
    language: Arc<Language>,
    cache: Cache,
    cached_tokens: &'a AtomicUsize,
}

/// Loads the model, then computes for ever.
pub(super) fn run(model: &Model) -> Result<()> {
    let mut machine = load(model)?;
    loop {
        let mut work = model.queue.pop();
        work.ticket.start(Instant::now());
        if let Err(error) = machine.answer(&mut work) {
            work.output.fail(error.to_string());
        }
        machine.clear();
    }
}

fn load(model: &Model) -> Result<Machine<'_>> {
    let started = Instant::now();
    let file = &model.config.file;
    let progress = |percent: usize| {
        model.state.percent.store(u8::try_from(percent).unwrap_or(99), Ordering::Relaxed);
    };
    let cannot_load = || format!("the model {} cannot be loaded", file.display());
    let mut weights =
        Weights::load(file, model.config.cache_dir.as_deref(), progress).with_context(cannot_load)?;
    let language = Arc::new(Language::new(&weights.metadata).with_context(cannot_load)?);
    let shape = Shape::new(&weights.metadata, language.size()).with_context(cannot_load)?;
    let mut machine = Machine {
        llama: Llama::take(&mut weights, &shape).with_context(cannot_load)?,
        cache: Cache::new(&shape),
        cached_tokens: &model.state.cached_tokens,
        language: Arc::clone(&language),
    };
    // The tensor library prepares weights when they are first used: now, and not for the first client.
    machine.forward(&[0]).with_context(cannot_load)?;
    machine.clear();
    tracing::info!(
        duration_ms = started.elapsed().as_millis(),
        context_tokens = shape.context,
        "the model is loaded"
    );
    // It is set once, here.
    let _ = model.state.ready.set(Ready { language, context_tokens: shape.context });
    Ok(machine)
}

impl Machine<'_> {
    fn answer(&mut self, work: &mut Work) -> Result<()> {
        let Some(mut scores) = self.read(&work.tokens, &work.output)? else { return Ok(()) };
        let mut sampler = Sampler::new(work.sampling);
        let mut text = Utf8Stream::default();
        loop {
            let token = sampler.next(&scores).context("the model gave no scores")?;
            if self.language.is_end(token) {
                // The client may have left: there is nobody to tell.
                let _ = work.output.finish(FinishReason::Stop);
                return Ok(());
            }
            let piece = text.push(self.language.bytes(token));
            if let ControlFlow::Break(()) = work.output.token(&piece) {
                return Ok(());
            }
            scores = self.forward(&[token])?;
        }
    }

    /// Reads a prompt; `None` when the client has left.
    fn read(&mut self, tokens: &[u32], output: &Output) -> Result<Option<Vec<f32>>> {
        let mut scores = None;
        for piece in tokens.chunks(PREFILL_TOKENS) {
            if output.is_abandoned() {
                return Ok(None);
            }
            scores = Some(self.forward(piece)?);
        }
        Ok(Some(scores.context("the prompt has no tokens")?))
    }

    fn forward(&mut self, tokens: &[u32]) -> Result<Vec<f32>> {
        let scores = self.llama.forward(tokens, &mut self.cache)?;
        self.cached_tokens.store(self.cache.tokens(), Ordering::Relaxed);
        Ok(scores)
    }

    fn clear(&mut self) {
        self.cache.clear();
        self.cached_tokens.store(0, Ordering::Relaxed);
    }
}
