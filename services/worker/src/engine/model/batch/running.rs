//! A text that is worked on.

use super::super::Work;
use super::super::kv::{Held, Pages};
use super::super::language::{Language, Utf8Stream};
use super::super::likelihood::{Ranked, rank};
use super::super::llama::Span;
use super::super::sampler::Sampler;
use spillway_inference::response::{Candidate, FinishReason, TokenLogprobs};
use std::ops::ControlFlow;

/// A text that is worked on.
#[derive(Debug)]
pub(super) struct Running {
    work: Work,
    held: Held,
    /// How many of the tokens are remembered.
    read: usize,
    sampler: Sampler,
    text: Utf8Stream,
}

impl Running {
    /// `held` has room for the prompt and for all that may be generated.
    pub(super) fn new(work: Work, held: Held) -> Self {
        let sampler = Sampler::new(work.sampling, work.seed, &work.tokens);
        Self { read: held.found_tokens(), sampler, text: Utf8Stream::default(), held, work }
    }

    /// Nobody waits for it.
    pub(super) fn is_abandoned(&self) -> bool {
        self.work.output.is_abandoned()
    }

    /// Tokens that are to be read before the next one can be generated.
    pub(super) fn left(&self) -> usize {
        self.work.tokens.len().saturating_sub(self.read)
    }

    /// The next `rows` tokens.
    pub(super) fn span(&self, rows: usize) -> Span<'_> {
        let end = self.read + rows;
        Span {
            tokens: self.work.tokens.get(self.read..end).unwrap_or_default(),
            start: self.read,
            pages: self.held.pages(),
            wants_scores: end == self.work.tokens.len(),
        }
    }

    /// `rows` more tokens are read.
    pub(super) fn advance(&mut self, rows: usize, pages: &mut Pages) {
        self.read += rows;
        pages.learn(&mut self.held, self.work.tokens.get(..self.read).unwrap_or_default());
    }

    /// Takes the next token. `Break`: the text is at its end, or nobody wants it.
    pub(super) fn continue_with(&mut self, mut scores: Vec<f32>, language: &Language) -> ControlFlow<()> {
        // Constraints and penalties change the scores.
        let raw = self.work.logprobs.map(|most| (scores.clone(), most));
        if let Some(Err(why)) = self.work.constraint.as_mut().map(|constraint| constraint.mask(&mut scores)) {
            return self.end_early(&why);
        }
        let Some(token) = self.sampler.next(&mut scores) else {
            self.fail("the model gave no scores".to_owned());
            return ControlFlow::Break(());
        };
        if language.is_end(token) {
            return self.work.output.finish(FinishReason::Stop);
        }
        let whole = self.work.constraint.as_mut().map_or(Ok(false), |constraint| constraint.advance(token));
        let piece = self.text.push(language.bytes(token));
        let logprobs = raw.map(|(raw, most)| logprobs(&raw, token, most, language));
        self.work.output.token(&piece, logprobs)?;
        self.work.tokens.push(token);
        match whole {
            Ok(false) => ControlFlow::Continue(()),
            Ok(true) => self.work.output.finish(FinishReason::Stop),
            Err(why) => self.end_early(&why),
        }
    }

    /// The answer cannot be kept to its form any longer: a limit cuts it, as others do. It is the form that is too much,
    /// not the engine that fails.
    fn end_early(&mut self, why: &str) -> ControlFlow<()> {
        tracing::warn!(why, "an answer was cut: what its form allows next takes too much to say");
        self.work.output.finish(FinishReason::Length)
    }

    pub(super) fn fail(&mut self, why: String) {
        self.work.output.fail(why);
    }

    /// It is over: its pages are given back.
    pub(super) fn end(self, pages: &mut Pages) {
        pages.release(self.held);
    }
}

/// How likely the token was, and the `most` likeliest ones.
fn logprobs(scores: &[f32], token: u32, most: u32, language: &Language) -> TokenLogprobs {
    let (taken, top) = rank(scores, token, usize::try_from(most).unwrap_or(usize::MAX));
    let candidate = |(token, logprob): Ranked| Candidate { token: language.token(token), logprob };
    TokenLogprobs { token: candidate(taken), top: top.into_iter().map(candidate).collect(), text_offset: 0 }
}
