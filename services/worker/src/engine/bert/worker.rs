//! The thread that computes: loads the model, then works on whatever comes.

use super::encoder::Encoder;
use super::folder::{bytes, describe};
use super::weights::Weights;
use super::words::Words;
use super::{Bert, Ready};
use crate::engine::embedding::Vectors;
use crate::engine::queue::Waits;
use crate::engine::{Broken, NotBegun, Ticket};
use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// The most tokens of several inputs in one pass: what a pass needs in memory is bounded, and so is the time until the
/// thread looks again who is still there.
const PASS_TOKENS: usize = 512;

/// One request for the thread.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    /// The tokens of each input.
    pub(super) inputs: Vec<Vec<u32>>,
    /// Those that are done, in order.
    pub(super) vectors: Vectors,
    pub(super) reply: oneshot::Sender<Result<Vectors, Broken>>,
    /// 0 is the most important.
    pub(super) level: u8,
    pub(super) deadline: Option<Instant>,
}

impl Waits for Work {
    fn level(&self) -> u8 {
        self.level
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn give_up(self, why: NotBegun) {
        self.answer(Err(Broken::NotBegun(why)));
    }
}

impl Work {
    /// The next inputs: as many as a pass takes, and at least one.
    fn next(&self) -> impl Iterator<Item = &[u32]> {
        let left = self.inputs.get(self.vectors.len()..).unwrap_or_default();
        let mut tokens = 0;
        let fits = move |(index, input): &(usize, &Vec<u32>)| {
            tokens += input.len();
            *index == 0 || tokens <= PASS_TOKENS
        };
        left.iter().enumerate().take_while(fits).map(|(_, input)| input.as_slice())
    }

    fn is_over(&self) -> bool {
        self.vectors.len() >= self.inputs.len() || self.reply.is_closed()
    }

    fn answer(self, result: Result<Vectors, Broken>) {
        // The count goes down first: who has the answer finds the place free.
        drop(self.ticket);
        // A client that left does not need to know.
        let _ = self.reply.send(result);
    }
}

/// Loads the model, then computes for ever.
pub(super) fn run(bert: &Bert) -> Result<()> {
    let encoder = load(bert).with_context(|| {
        format!("the embedding model in {} cannot be loaded", bert.config.folder.display())
    })?;
    loop {
        bert.queue.wait();
        if let Some(work) = bert.queue.take_if(Instant::now(), |_| true) {
            work_on(bert, &encoder, work);
        }
    }
}

fn load(bert: &Bert) -> Result<Encoder> {
    let started = Instant::now();
    let folder = &bert.config.folder;
    let description = describe(folder)?;
    let shape = description.shape;
    let name = "tokenizer.json";
    let words = Words::new(&bytes(folder, name)?, shape.vocabulary);
    let words = words.with_context(|| folder.join(name).display().to_string())?;
    let name = "model.safetensors";
    let file = bytes(folder, name)?;
    let in_file = || folder.join(name).display().to_string();
    let encoder = Weights::new(&file).and_then(|weights| Encoder::take(&weights, &shape));
    let encoder = encoder.with_context(in_file)?;
    // Weights that lead nowhere are told now, and not to the first client.
    encoder.embed(std::iter::once([0].as_slice())).with_context(in_file)?;
    tracing::info!(
        duration_ms = started.elapsed().as_millis(),
        dimensions = shape.hidden,
        input_tokens = description.input_tokens,
        "the embedding model is loaded"
    );
    let input_tokens = description.input_tokens;
    // It is set once, here.
    let _ = bert.ready.set(Ready { words: Arc::new(words), dimensions: shape.hidden, input_tokens });
    Ok(encoder)
}

/// Works on a request to its end, pass by pass. Between two passes more important ones are worked on; so each level waits
/// for one pass of the lesser ones at most.
fn work_on(bert: &Bert, encoder: &Encoder, mut work: Work) {
    work.ticket.start(Instant::now());
    while !work.is_over() {
        match bert.watch.during(|| encoder.embed(work.next())) {
            Ok(vectors) => work.vectors.extend(vectors),
            Err(error) => return work.answer(Err(Broken::Failed(format!("{error:#}")))),
        }
        while let Some(other) = bert.queue.take_if(Instant::now(), |other| other.level < work.level) {
            work_on(bert, encoder, other);
        }
    }
    let vectors = std::mem::take(&mut work.vectors);
    work.answer(Ok(vectors));
}
