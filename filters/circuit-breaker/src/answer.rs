//! How far an answer has come, and what that says about its endpoint.

use std::time::Duration;

use spillway_breaker::{Fault, TripReason};
use spillway_contract::headers::{NOT_HEALTHY, RETRY_AFTER};
use spillway_host::{Buffer, Headers, broke_off, paths, status_of};
use spillway_inference::api::Api;
use spillway_inference::sse::Scanner;
use spillway_pool::Outcome;

use crate::retry_after;
use crate::root::Shared;

/// How much of a chunk is looked at in one go.
const PIECE: usize = 64 << 10;

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The API of the request, where its streams are to end with a mark.
    api: Option<Api>,
    progress: Progress,
    body: Body,
}

/// How far it has come.
#[derive(Debug, Default)]
enum Progress {
    /// No headers yet.
    #[default]
    Awaited,
    /// The headers say how it ended, whatever follows.
    Decided(Outcome),
    /// Headers have come; the body goes on.
    Begun,
    /// All of it has come.
    Whole,
}

/// What is done with the body.
#[derive(Debug, Default)]
enum Body {
    /// None of it has come.
    #[default]
    Awaited,
    /// A stream whose events are looked at.
    Stream { scanner: Box<Scanner>, ends_with_mark: bool },
    /// Nothing more is to be learnt from it.
    Passing,
}

impl Answer {
    /// An answer to the request at hand, whose headers can be read only now.
    pub(crate) fn awaited(shared: &Shared) -> Self {
        let api = || {
            let path = shared.host.header(Headers::Request, ":path").ok().flatten()?;
            Api::from_path(std::str::from_utf8(&path).ok()?).filter(|api| api.has_terminal_event())
        };
        Self { api: if shared.failures.cut_streams { api() } else { None }, ..Self::default() }
    }

    /// The headers have come.
    pub(crate) fn headers(&mut self, shared: &Shared, end_of_stream: bool) {
        let status = status_of(&*shared.host, Headers::Response).unwrap_or(0);
        self.progress = match (says(shared, status), end_of_stream) {
            (Some(outcome), _) => Progress::Decided(outcome),
            (None, true) => Progress::Whole,
            (None, false) => Progress::Begun,
        };
        if !matches!(self.progress, Progress::Begun) {
            self.body = Body::Passing;
        }
    }

    /// Some of the body has come. True when the first token has come with it.
    pub(crate) fn body(&mut self, shared: &Shared, bytes: usize, end_of_stream: bool) -> bool {
        // An answer that comes in one piece is no stream, or one for whose first token nobody waited.
        if end_of_stream && matches!(self.body, Body::Awaited) {
            self.body = Body::Passing;
        }
        let first_token = bytes > 0 && self.look(shared, bytes);
        if end_of_stream {
            self.is_whole();
        }
        first_token
    }

    /// All of it has come.
    pub(crate) fn is_whole(&mut self) {
        if !matches!(self.progress, Progress::Begun) {
            return;
        }
        self.progress = match &mut self.body {
            Body::Stream { scanner, ends_with_mark: true } => {
                scanner.finish();
                let ended = scanner.ending().is_some();
                if ended { Progress::Whole } else { Progress::Decided(Outcome::Failure(Fault::StreamCut)) }
            }
            _ => Progress::Whole,
        };
    }

    /// How the attempt ended, now that it is over.
    pub(crate) fn outcome(&self, shared: &Shared) -> Outcome {
        let outcome = match self.progress {
            Progress::Whole => Outcome::Success,
            Progress::Decided(outcome) => outcome,
            Progress::Begun if self.has_ended() => Outcome::Success,
            Progress::Begun if broke_off(&*shared.host) => Outcome::Failure(Fault::Reset),
            Progress::Awaited if broke_off(&*shared.host) => Outcome::Failure(no_answer(shared)),
            Progress::Begun => Outcome::Unknown,
            Progress::Awaited => Outcome::Unanswered,
        };
        match outcome {
            Outcome::Failure(fault) if !shared.failures.count(fault) => Outcome::Unknown,
            other => other,
        }
    }

    /// Whether the stream has said that it is over, though its connection has not.
    fn has_ended(&self) -> bool {
        matches!(&self.body, Body::Stream { scanner, .. } if scanner.ending().is_some())
    }

    /// Looks at the next bytes. True when the first token is in them.
    fn look(&mut self, shared: &Shared, bytes: usize) -> bool {
        if matches!(self.body, Body::Passing) {
            return false;
        }
        let mut first_token = false;
        for start in (0..bytes).step_by(PIECE) {
            let chunk =
                shared.host.buffer(Buffer::ResponseBody, start, PIECE.min(bytes - start)).unwrap_or_default();
            if matches!(self.body, Body::Awaited) {
                self.body = Body::of(&chunk, self.api);
            }
            let Body::Stream { scanner, ends_with_mark } = &mut self.body else { return first_token };
            first_token |= scanner.feed(&chunk).first_data;
            if first_token && !*ends_with_mark {
                self.body = Body::Passing;
            }
        }
        first_token
    }
}

impl Body {
    /// The kind of body that begins like this. A stream of events begins with a field's name, a comment, a blank line
    /// or a byte order mark; JSON begins with a bracket. The content type would say it as well, but asking Envoy for
    /// it costs more than anything else that is done per attempt, and most answers come in one piece.
    fn of(first_chunk: &[u8], api: Option<Api>) -> Self {
        match first_chunk.first() {
            Some(b'd' | b'e' | b'i' | b'r' | b':' | b'\n' | b'\r' | 0xef) => {
                Self::Stream { scanner: Box::new(Scanner::new(api)), ends_with_mark: api.is_some() }
            }
            _ => Self::Passing,
        }
    }
}

/// What headers alone say about an answer; `None` when they say nothing.
fn says(shared: &Shared, status: u16) -> Option<Outcome> {
    let header = |name| shared.host.header(Headers::Response, name).ok().flatten();
    let asked = || retry_after::wait(&header(RETRY_AFTER)?, shared.host.now());
    let busy = |reason, asked: Duration| Some(Outcome::Busy { reason, asked });
    match status {
        429 => asked().and_then(|asked| busy(TripReason::RetryAfter, asked)),
        503 if header(NOT_HEALTHY).is_some() => {
            busy(TripReason::NotReady, asked().unwrap_or(shared.not_ready))
        }
        // The same from a server that wants the request to go elsewhere. One that asks for no time at all has failed.
        503 if let Some(asked) = asked().filter(|asked| !asked.is_zero()) => {
            busy(TripReason::RetryAfter, asked)
        }
        _ => {
            let fault = Fault::Status(status);
            shared.failures.count(fault).then_some(Outcome::Failure(fault))
        }
    }
}

/// What kept an answer from coming: no connection, or one that broke.
fn no_answer(shared: &Shared) -> Fault {
    let reason = shared.host.property(paths::CONNECT_FAILURE).ok().flatten().unwrap_or_default();
    if reason.is_empty() { Fault::Reset } else { Fault::Connect }
}
