//! One attempt at one endpoint, as the upstream filter chain sees it.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_host::{Buffer, Headers, Mode, mode_of_request, paths};
use spillway_inference::sse::Scanner;
use spillway_pool::{Attempt, Outcome};

use crate::root::Shared;

/// How much of one chunk is looked at for the first event.
const MAX_LOOKED_AT: usize = 64 << 10;

/// How far the answer has come.
#[derive(Debug)]
enum Answer {
    /// No headers yet.
    Awaited,
    /// The status says that the endpoint failed.
    Failed,
    /// Headers have come; the body goes on.
    Begun,
    /// All of it has come.
    Whole,
}

/// What is done with the body.
#[derive(Debug)]
enum Body {
    /// None of it has come.
    Awaited,
    /// A stream whose first event has not come yet.
    Stream(Box<Scanner>),
    /// Nothing more is to be learnt from it.
    Passing,
}

impl Body {
    /// The kind of body that begins like this. A stream of events begins with a field's name, a comment, a blank line
    /// or a byte order mark; JSON begins with a bracket. The content type would say it as well, but asking Envoy for
    /// it costs more than anything else that is done per attempt, and most answers come in one piece.
    fn of(first_chunk: &[u8]) -> Self {
        match first_chunk.first() {
            Some(b'd' | b'e' | b'i' | b'r' | b':' | b'\n' | b'\r' | 0xef) => {
                Self::Stream(Box::new(Scanner::new(None)))
            }
            _ => Self::Passing,
        }
    }
}

/// An attempt.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    attempt: Option<Attempt>,
    answer: Answer,
    body: Body,
}

impl Stream {
    pub(crate) fn new(shared: Option<Rc<Shared>>) -> Self {
        Self { shared, attempt: None, answer: Answer::Awaited, body: Body::Passing }
    }

    pub(crate) fn request(&mut self) {
        let Some(shared) = &self.shared else { return };
        if mode_of_request(&*shared.host, &shared.rules) == Mode::Off {
            return;
        }
        let text =
            |path| shared.host.property(path).ok().flatten().and_then(|text| String::from_utf8(text).ok());
        let Some(address) = text(paths::UPSTREAM_ADDRESS) else { return };
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return };
        let pool = shared.pool.or_else(|| pools.pool(&text(paths::CLUSTER_NAME)?));
        let Some(pool) = pool else { return };
        self.attempt = pools.begin(pool, &address, shared.host.now());
    }

    pub(crate) fn response_headers(&mut self, end_of_stream: bool) {
        let (Some(shared), Some(_)) = (&self.shared, &self.attempt) else { return };
        let status = shared.host.header(Headers::Response, ":status").ok().flatten().unwrap_or_default();
        self.answer = match (status.first(), end_of_stream) {
            (Some(b'5'), _) => Answer::Failed,
            (_, true) => Answer::Whole,
            (_, false) => Answer::Begun,
        };
        if matches!(self.answer, Answer::Begun) {
            self.body = Body::Awaited;
        }
    }

    pub(crate) fn response_body(&mut self, bytes: usize, end_of_stream: bool) {
        if end_of_stream {
            self.is_whole();
        }
        // An answer that comes in one piece is no stream, or one for whose first token nobody waited.
        if end_of_stream && matches!(self.body, Body::Awaited) {
            self.body = Body::Passing;
        }
        let (Some(shared), Some(attempt)) = (&self.shared, &self.attempt) else { return };
        if bytes == 0 || matches!(self.body, Body::Passing) {
            return;
        }
        let chunk = shared.host.buffer(Buffer::ResponseBody, 0, bytes.min(MAX_LOOKED_AT)).unwrap_or_default();
        if matches!(self.body, Body::Awaited) {
            self.body = Body::of(&chunk);
        }
        let Body::Stream(scanner) = &mut self.body else { return };
        if scanner.feed(&chunk).first_data {
            self.body = Body::Passing;
            if let Ok(pools) = shared.pools.try_borrow() {
                pools.first_token(attempt, shared.host.now());
            }
        }
    }

    fn is_whole(&mut self) {
        if matches!(self.answer, Answer::Begun) {
            self.answer = Answer::Whole;
        }
    }

    pub(crate) fn done(&mut self) {
        let (Some(shared), Some(attempt)) = (&self.shared, self.attempt.take()) else { return };
        let outcome = match self.answer {
            Answer::Whole => Outcome::Success,
            Answer::Failed => Outcome::Failure,
            Answer::Awaited | Answer::Begun if broke_off(shared) => Outcome::Failure,
            Answer::Begun => Outcome::Unknown,
            Answer::Awaited => Outcome::Unanswered,
        };
        shared.count(outcome);
        if let Ok(mut pools) = shared.pools.try_borrow_mut() {
            pools.end(attempt, outcome, shared.host.now());
        }
    }
}

/// Whether an answer that never became whole is the endpoint's fault.
///
/// Envoy notes what an endpoint did (reset, broken connection) only after this filter's stream is done, and for an
/// attempt that is retried never; that the client left it notes before. So it is the endpoint's fault unless the
/// client's side is to blame.
fn broke_off(shared: &Shared) -> bool {
    let flags = shared.host.property(paths::RESPONSE_FLAGS).ok().flatten().unwrap_or_default();
    let flags = flags.first_chunk::<8>().map_or(0, |flags| u64::from_le_bytes(*flags));
    flags & NOT_THE_ENDPOINTS_FAULT == 0
}

/// Bits of Envoy's `CoreResponseFlag`: the client's connection ended (14), nothing moved for too long (16), the
/// client broke the protocol (18), Envoy is overloaded (25), the client reset the stream (28).
const NOT_THE_ENDPOINTS_FAULT: u64 = 1 << 14 | 1 << 16 | 1 << 18 | 1 << 25 | 1 << 28;

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        self.done();
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        #[cfg(feature = "chaos")]
        if let Some(shared) = &self.shared {
            spillway_host::panic_if_asked(&*shared.host, "circuit-breaker");
        }
        self.request();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        self.response_headers(end_of_stream);
        Action::Continue
    }

    fn on_http_response_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.response_body(bytes, end_of_stream);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        self.is_whole();
        Action::Continue
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
