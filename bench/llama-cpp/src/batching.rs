//! Texts that are worked on together, as llama.cpp's own server does it: a batch holds the next token of each text that is
//! generated, and after these as much of the prompts as there is room for.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;

use crate::request::{Answer, Answered, Asked, Request};

/// A model and where it keeps what it has read.
pub(crate) struct Engine<'a> {
    model: &'a LlamaModel,
    context: LlamaContext<'a>,
    batch: LlamaBatch<'a>,
    greedy: LlamaSampler,
    room: usize,
    slots: u32,
}

/// One text.
struct Text {
    slot: i32,
    /// The prompt and what was generated.
    tokens: Vec<LlamaToken>,
    prompt: usize,
    /// How many of the tokens the model has read or is given with the batch.
    read: usize,
    wanted: usize,
    comes: Instant,
    came: Vec<Instant>,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(model: &'a LlamaModel, context: LlamaContext<'a>, slots: u32) -> Result<Self> {
        let room = usize::try_from(context.n_batch())?;
        let batch = LlamaBatch::new(room, 1);
        Ok(Self { model, context, batch, greedy: LlamaSampler::greedy(), room, slots })
    }

    /// Answers them all.
    pub(crate) fn answer(&mut self, asked: &Asked) -> Result<Answered> {
        ensure!(
            asked.requests.len() <= usize::try_from(self.slots)?,
            "{} requests, {} slots",
            asked.requests.len(),
            self.slots
        );
        self.context.clear_kv_cache();
        let begun = Instant::now();
        let texts = (0..).zip(&asked.requests).map(|(slot, request)| self.text(slot, request, begun));
        let mut texts: Vec<Text> = texts.collect();
        while let Some(next) = texts.iter().filter(|text| !text.is_done()).map(|text| text.comes).min() {
            sleep(next.saturating_duration_since(Instant::now()));
            self.step(&mut texts)?;
        }
        let elapsed_ms = millis(begun.elapsed());
        Ok(Answered { answers: texts.iter().map(Text::answer).collect(), elapsed_ms })
    }

    fn text(&self, slot: i32, request: &Request, begun: Instant) -> Text {
        let tokens = self.model.vocab().tokenize(request.prompt.as_bytes(), true, false);
        Text {
            slot,
            prompt: tokens.len(),
            tokens,
            read: 0,
            wanted: request.tokens,
            comes: begun + Duration::from_millis(request.after_ms),
            came: Vec::new(),
        }
    }

    /// One batch, of the texts that have come.
    fn step(&mut self, texts: &mut [Text]) -> Result<()> {
        let now = Instant::now();
        let here = || |text: &&mut Text| text.comes <= now && !text.is_done();
        self.batch.clear();
        let mut generate = Vec::new();
        for text in texts.iter_mut().filter(here()).filter(|text| text.generates()) {
            generate.extend(self.give(text)?.map(|at| (at, text.slot)));
        }
        for text in texts.iter_mut().filter(here()).filter(|text| text.read < text.prompt) {
            generate.extend(self.give(text)?.map(|at| (at, text.slot)));
        }
        self.context.decode(&mut self.batch)?;
        for (at, slot) in generate {
            let token = self.greedy.sample(&self.context, at);
            let text = texts.iter_mut().find(|text| text.slot == slot).context("a text is gone")?;
            text.tokens.push(token);
            text.came.push(Instant::now());
            if text.is_done() {
                self.context.clear_kv_cache_seq(Some(u32::try_from(slot)?), None, None)?;
            }
        }
        Ok(())
    }

    /// Puts what the model has not read of a text into the batch, as far as there is room. Where its last token goes in too:
    /// its place in the batch, where the scores of the next one will be.
    fn give(&mut self, text: &mut Text) -> Result<Option<i32>> {
        let room = self.room.saturating_sub(usize::try_from(self.batch.n_tokens())?);
        let from = text.read;
        let to = text.tokens.len().min(from + room);
        for (at, token) in text.tokens.iter().enumerate().take(to).skip(from) {
            let is_last = at + 1 == text.tokens.len();
            self.batch.add(*token, i32::try_from(at)?, &[text.slot], is_last)?;
        }
        text.read = to;
        Ok((to == text.tokens.len() && from < to).then(|| self.batch.n_tokens() - 1))
    }
}

impl Text {
    fn generates(&self) -> bool {
        self.tokens.len() > self.prompt
    }

    fn is_done(&self) -> bool {
        self.came.len() >= self.wanted
    }

    fn answer(&self) -> Answer {
        let tokens_ms = self.came.iter().map(|came| millis(came.saturating_duration_since(self.comes)));
        Answer { prompt_tokens: self.prompt, tokens_ms: tokens_ms.collect() }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
