//! Texts that are worked on together, step by step.
//!
//! Each step reads the next tokens of every text in one pass through the model: one of a text that is generated, some of
//! one whose prompt is read. Requests join and leave between two steps (after Yu et al. 2022, Orca).

mod plan;
mod running;

use super::Work;
use super::kv::Pages;
use super::language::Language;
use super::llama::{Llama, Span};
use crate::engine::queue::Queue;
use plan::plan;
use running::Running;
use std::sync::Arc;
use std::time::Instant;

/// The model and the texts that it works on.
pub(super) struct Batch {
    llama: Llama,
    language: Arc<Language>,
    pages: Pages,
    /// At most so many.
    slots: usize,
    running: Vec<Running>,
}

impl Batch {
    pub(super) fn new(llama: Llama, language: Arc<Language>, pages: Pages, slots: usize) -> Self {
        Self { llama, language, pages, slots, running: Vec::new() }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// The share of the pages that are held, 0 to 1.
    pub(super) fn memory_use(&self) -> f64 {
        self.pages.held() as f64 / self.pages.count().max(1) as f64
    }

    /// Lets requests in while there are slots and pages. The first one in the queue is waited for if it has too few: else
    /// small requests would keep a large one out for ever.
    pub(super) fn admit(&mut self, queue: &Queue<Work>) {
        while self.running.len() < self.slots {
            let mut held = None;
            let work = queue.take_if(Instant::now(), |work| {
                held = self.pages.take(&work.tokens, work.most_tokens());
                held.is_some()
            });
            let (Some(mut work), Some(held)) = (work, held) else { return };
            work.ticket.start(Instant::now());
            self.running.push(Running::new(work, held));
        }
    }

    /// Reads the next tokens of every text.
    pub(super) fn step(&mut self) {
        self.leave(Running::is_abandoned);
        let left: Vec<usize> = self.running.iter().map(Running::left).collect();
        let plan = plan(&left);
        let spans: Vec<Span<'_>> =
            self.running.iter().zip(&plan).map(|(text, rows)| text.span(*rows)).collect();
        if spans.is_empty() {
            return;
        }
        match self.llama.forward(&spans) {
            Ok(scores) => self.take_in(&plan, scores),
            Err(error) => {
                self.running.iter_mut().for_each(|text| text.fail(error.to_string()));
                self.leave(|_| true);
            }
        }
    }

    /// `scores` are those of the texts of which nothing is left to read, in order.
    fn take_in(&mut self, plan: &[usize], scores: Vec<Vec<f32>>) {
        let mut scores = scores.into_iter();
        let mut ended = Vec::with_capacity(self.running.len());
        for (text, rows) in self.running.iter_mut().zip(plan) {
            text.advance(*rows, &mut self.pages);
            let goes_on = text.left() > 0
                || scores
                    .next()
                    .is_none_or(|scores| text.continue_with(scores, &self.language).is_continue());
            ended.push(!goes_on);
        }
        let mut ended = ended.into_iter();
        self.leave(|_| ended.next().unwrap_or(false));
    }

    /// Those for whom that is so are worked on no longer.
    fn leave(&mut self, mut is_over: impl FnMut(&Running) -> bool) {
        for text in self.running.extract_if(.., |text| is_over(text)) {
            text.end(&mut self.pages);
        }
    }
}
