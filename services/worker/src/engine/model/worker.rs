//! The thread that computes: loads the model, then works on whatever comes.

use super::batch::Batch;
use super::grammar::{Constraint, Grammars};
use super::kv::{PAGE_TOKENS, Pages};
use super::language::Language;
use super::llama::{Llama, Shape, Span};
use super::need::weights_bytes;
use super::weights::Weights;
use super::{Model, Ready};
use crate::engine::budget::Need;
use crate::engine::queue::Waits;
use crate::engine::{NotBegun, Output, Ticket};
use anyhow::{Context, Result, ensure};
use spillway_inference::request::Sampling;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// One request for the thread.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    /// The prompt, and what was generated after it.
    pub(super) tokens: Vec<u32>,
    pub(super) output: Output,
    pub(super) sampling: Sampling,
    pub(super) seed: [u64; 2],
    /// Say how likely tokens were, and as many of the likeliest.
    pub(super) logprobs: Option<u32>,
    pub(super) constraint: Option<Constraint>,
    /// 0 is the most important.
    pub(super) level: u8,
    pub(super) deadline: Option<Instant>,
}

impl Work {
    /// As long as prompt and answer can become.
    pub(super) fn most_tokens(&self) -> usize {
        self.tokens.len().saturating_add(usize::try_from(self.output.max_tokens()).unwrap_or(usize::MAX))
    }
}

impl Waits for Work {
    fn level(&self) -> u8 {
        self.level
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn give_up(mut self, why: NotBegun) {
        self.output.give_up(why);
    }
}

/// Loads the model, then computes for ever.
pub(super) fn run(model: &Model) -> Result<()> {
    let mut batch = load(model)?;
    loop {
        if batch.is_idle() {
            model.queue.wait();
        }
        batch.admit(&model.queue);
        model.watch.during(|| batch.step());
        model.state.memory_use.store((batch.memory_use() * 1000.0).round() as u32, Ordering::Relaxed);
    }
}

fn load(model: &Model) -> Result<Batch> {
    let started = Instant::now();
    let original = model.config.source.original(&model.state.fetched)?;
    let progress = |percent: usize| {
        model.state.percent.store(u8::try_from(percent).unwrap_or(99), Ordering::Relaxed);
    };
    let cannot_load = || format!("the model {original} cannot be loaded");
    if let Some(budget) = &model.config.budget {
        let weights = weights_bytes(&original, &model.config.compute).with_context(cannot_load)?;
        let keys_and_values = model.config.kv_cache_bytes as u64;
        let own = Need { model: model.config.name.clone(), weights, keys_and_values };
        budget.take(own).context("--memory-mib")?;
    }
    let cache_dir = model.config.cache_dir.as_deref();
    let mut weights = Weights::load(&original, cache_dir, progress).with_context(cannot_load)?;
    let language = Arc::new(Language::new(&weights.metadata).with_context(cannot_load)?);
    let shape = Shape::new(&weights.metadata, language.size()).with_context(cannot_load)?;
    let pages = pages(&shape, model.config.kv_cache_bytes)?;
    let mut llama =
        Llama::take(&mut weights, &shape, pages, &model.config.compute).with_context(cannot_load)?;
    // The tensor library prepares weights when they are first used: now, and not for the first client.
    let first = Span { tokens: &[0], start: 0, pages: &[0], wants_scores: true };
    llama.forward(&[first]).with_context(cannot_load)?;
    let remembered = pages as usize * PAGE_TOKENS;
    let context_tokens = shape.context.min(remembered);
    tracing::info!(
        duration_ms = started.elapsed().as_millis(),
        context_tokens,
        kv_cache_tokens = remembered,
        "the model is loaded"
    );
    let grammars = Grammars::new(Arc::clone(&language));
    // It is set once, here.
    let _ = model.state.ready.set(Ready { language: Arc::clone(&language), grammars, context_tokens });
    Ok(Batch::new(llama, language, Pages::new(pages), model.config.slots))
}

/// How many pages fit into so many bytes.
fn pages(shape: &Shape, bytes: usize) -> Result<u32> {
    let page = shape.kv_sizes().page_bytes();
    let pages = bytes / page.max(1);
    ensure!(
        pages > 0,
        "the key-value cache: expected at least {page} bytes, which are {PAGE_TOKENS} tokens, got {bytes}"
    );
    Ok(u32::try_from(pages).unwrap_or(u32::MAX))
}
