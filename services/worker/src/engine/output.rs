//! Where an engine puts what it generates.
//!
//! Both engines count tokens, look for stop strings and notice clients that left in the same way: here.

use super::alignment::Alignment;
use super::stop::{Passed, StopStrings};
use super::{Event, FinishReason, NotBegun, Usage};
use crate::metrics::TextMetrics;
use spillway_inference::response::TokenLogprobs;
use std::ops::ControlFlow;
use tokio::sync::mpsc;

/// One job's sending end.
#[derive(Debug)]
pub struct Output {
    events: mpsc::UnboundedSender<Event>,
    stops: StopStrings,
    /// Only where tokens come with how likely they were.
    alignment: Option<Alignment>,
    usage: Usage,
    max_tokens: u32,
    metrics: TextMetrics,
}

impl Output {
    /// The two ends for a job with a prompt of `prompt_tokens`.
    pub fn new(
        prompt_tokens: u32,
        max_tokens: u32,
        stop: Vec<String>,
        metrics: TextMetrics,
    ) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        metrics.taken(prompt_tokens);
        let usage = Usage { prompt_tokens, completion_tokens: 0 };
        let stops = StopStrings::new(stop);
        (Self { events, stops, alignment: None, usage, max_tokens, metrics }, receiver)
    }

    /// The most tokens to generate.
    #[must_use]
    pub fn max_tokens(&self) -> u32 {
        self.max_tokens
    }

    /// The client has left: nobody reads what is generated.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    /// Waits until the client has left.
    pub async fn abandoned(&self) {
        self.events.closed().await;
    }

    /// One more token, with how likely it was where the job asks for that, and the text that it completes, which may be
    /// empty. `Break`: generate no more; the answer is finished, or nobody wants it.
    pub fn token(&mut self, text: &str, logprobs: Option<TokenLogprobs>) -> ControlFlow<()> {
        self.usage.completion_tokens += 1;
        self.metrics.token();
        if let Some(token) = logprobs {
            self.alignment.get_or_insert_default().made(text, token);
        }
        match self.stops.push(text) {
            Passed::On(text) => self.send_text(text)?,
            Passed::Stopped(text) => {
                self.send_text(text)?;
                return self.end(FinishReason::Stop);
            }
        }
        if self.usage.completion_tokens >= self.max_tokens {
            return self.finish(FinishReason::Length);
        }
        ControlFlow::Continue(())
    }

    /// The answer is whole.
    pub fn finish(&mut self, reason: FinishReason) -> ControlFlow<()> {
        let text = self.stops.rest();
        let logprobs = self.alignment.as_mut().map(Alignment::rest).unwrap_or_default();
        self.send(text, logprobs)?;
        self.end(reason)
    }

    /// It waited, and is not begun any more.
    pub fn give_up(&mut self, why: NotBegun) {
        // A client that left does not need to know.
        let _ = self.events.send(Event::NotBegun(why));
    }

    /// The engine failed.
    pub fn fail(&mut self, why: String) {
        // A client that left does not need to know.
        let _ = self.events.send(Event::Failed(why));
    }

    fn end(&mut self, reason: FinishReason) -> ControlFlow<()> {
        let _ = self.events.send(Event::Finished { reason, usage: self.usage });
        ControlFlow::Break(())
    }

    fn send_text(&mut self, text: String) -> ControlFlow<()> {
        let logprobs = self.alignment.as_mut().map(|alignment| alignment.sent(&text));
        self.send(text, logprobs.unwrap_or_default())
    }

    fn send(&self, text: String, logprobs: Vec<TokenLogprobs>) -> ControlFlow<()> {
        if text.is_empty() && logprobs.is_empty() {
            return ControlFlow::Continue(());
        }
        match self.events.send(Event::Text { text, logprobs }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}
