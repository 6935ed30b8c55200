//! An answer as a stream of server-sent events.
//!
//! Events that are there at the same time go out in one frame. The body ends with the API's terminal event; without
//! it the stream is cut, and whoever reads it can see that.

use super::answer::Answer;
use super::style::Chunk;
use crate::engine::{Disruption, Event, Generation};
use crate::metrics::Outcome;
use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body, Frame};
use spillway_contract::error_body::{ErrorBody, ErrorCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// A frame is sent when it has grown to this.
const FRAME_BYTES: usize = 16 * 1024;

/// The body of a streamed answer. It holds the request in flight until it is dropped.
#[derive(Debug)]
pub(super) struct SseBody {
    answer: Answer,
    generation: Generation,
    first: Option<Event>,
    opened: bool,
    sent_events: u32,
    stage: Stage,
    frame: BytesMut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// The frame is the last one.
    Ending,
    /// What was written goes out, then the connection is reset.
    Flushing,
    Resetting,
}

impl SseBody {
    /// `first` was taken from the events already.
    pub(super) fn new(answer: Answer, generation: Generation, first: Option<Event>) -> Self {
        Self {
            answer,
            generation,
            first,
            opened: false,
            sent_events: 0,
            stage: Stage::Running,
            frame: BytesMut::new(),
        }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.first.take() {
            Some(event) => Poll::Ready(Some(event)),
            None => self.generation.events.poll_recv(context),
        }
    }

    fn take(&mut self, event: Option<Event>) {
        if !std::mem::replace(&mut self.opened, true) {
            self.write(Chunk::Opening);
        }
        match event {
            Some(Event::Text { text, logprobs }) => {
                self.answer.taken.flight.text(Instant::now());
                self.write(Chunk::Text(&text, self.answer.logprobs.then_some(logprobs.as_slice())));
            }
            Some(Event::Finished { reason, usage }) => {
                self.answer.taken.flight.completed(usage);
                self.end();
                if self.generation.delivery.disruption == Some(Disruption::Truncate) {
                    self.answer.taken.flight.ends_as(Outcome::Injected);
                    return;
                }
                self.write(Chunk::Finish(reason));
                if self.answer.include_usage {
                    self.write(Chunk::Usage(usage));
                }
                self.write(Chunk::Done);
            }
            Some(Event::Failed(why)) => self.fail(&why),
            // Only where headers went out before the first event, which no engine does that knows deadlines.
            Some(Event::NotBegun(_)) => self.fail("it was not begun"),
            None => self.fail("it ended without a word"),
        }
    }

    /// The stream has begun: all that is left is to say so in an event, and to leave the terminal event out.
    fn fail(&mut self, why: &str) {
        tracing::error!(why, "the engine failed in the middle of a stream");
        self.answer.taken.flight.ends_as(Outcome::Failed);
        let error = ErrorBody { code: ErrorCode::Internal, message: "the engine failed", param: None };
        self.frame.put_slice(format!("data: {}\n\n", error.to_json()).as_bytes());
        self.end();
    }

    fn end(&mut self) {
        if self.stage == Stage::Running {
            self.stage = Stage::Ending;
        }
    }

    /// Writes one event, unless the connection is to be reset before it.
    fn write(&mut self, chunk: Chunk<'_>) {
        if let Some(Disruption::ResetAfterEvents(limit)) = self.generation.delivery.disruption
            && self.sent_events >= limit
        {
            self.answer.taken.flight.ends_as(Outcome::Injected);
            self.stage = Stage::Flushing;
            return;
        }
        self.sent_events += self.answer.style.write(self.answer.head(), chunk, &mut self.frame);
    }

    fn fill(&mut self, context: &mut Context<'_>) {
        while self.stage == Stage::Running && self.frame.len() < FRAME_BYTES {
            match self.poll_event(context) {
                Poll::Ready(event) => self.take(event),
                Poll::Pending => return,
            }
        }
    }
}

impl Body for SseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.fill(context);
        if !self.frame.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(self.frame.split().freeze()))));
        }
        match self.stage {
            Stage::Running => Poll::Pending,
            Stage::Ending => Poll::Ready(None),
            Stage::Flushing => {
                // The server writes to the socket when a body has nothing for it; so this is said once.
                self.stage = Stage::Resetting;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Resetting => match &self.answer.taken.reset {
                Some(reset) => {
                    reset.request();
                    Poll::Pending
                }
                None => Poll::Ready(None),
            },
        }
    }
}
