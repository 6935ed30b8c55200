//! The two that are measured.

use anyhow::{Result, ensure};
use spillway_harness::Client;

use super::asked::{Answered, Request};
use super::llama_cpp::LlamaCpp;
use super::stream;

/// What answers.
pub(super) enum Engine {
    /// Our worker, through HTTP.
    Worker(Client),
    /// llama.cpp, in a process of its own.
    LlamaCpp(LlamaCpp),
}

impl Engine {
    /// Its name in tables.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Worker(_) => OURS,
            Self::LlamaCpp(_) => LLAMA_CPP,
        }
    }

    /// Asks for them all, each at its time. An answer that ends early is an error: it would be less work than the other's.
    pub(super) async fn ask(&mut self, requests: &[Request]) -> Result<Answered> {
        let answered = match self {
            Self::Worker(client) => stream::ask(client, requests).await?,
            Self::LlamaCpp(program) => program.ask(requests)?,
        };
        for (request, answer) in requests.iter().zip(&answered.answers) {
            ensure!(
                answer.tokens == u64::from(request.tokens),
                "{}: an answer of {} tokens, {} were asked for",
                self.name(),
                answer.tokens,
                request.tokens
            );
        }
        Ok(answered)
    }
}

pub(super) const OURS: &str = "Spillway";
pub(super) const LLAMA_CPP: &str = "llama.cpp";

/// Asks each of them the same, one after the other; who is first alternates from round to round.
pub(super) async fn ask_each(
    engines: &mut [Engine],
    round: usize,
    requests: &[Request],
) -> Result<Vec<Answered>> {
    let turn = round % engines.len().max(1);
    engines.rotate_left(turn);
    let mut answered = Vec::new();
    for engine in &mut *engines {
        answered.push(engine.ask(requests).await?);
    }
    engines.rotate_right(turn);
    answered.rotate_right(turn);
    let prompts: Vec<Vec<u64>> = answered.iter().map(prompt_tokens).collect();
    let alike = prompts.windows(2).all(|pair| pair.first() == pair.last());
    ensure!(alike, "the engines read the prompts as other tokens: {prompts:?}");
    Ok(answered)
}

fn prompt_tokens(answered: &Answered) -> Vec<u64> {
    answered.answers.iter().map(|answer| answer.prompt_tokens).collect()
}
