//! One request and its answer.

mod answering;
mod consult;

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_caching::eligible::{Bypass, OnMiss};
use spillway_host::{Buffer, Headers};

use crate::answer::Answer;
use crate::ask::{Ask, Head, Looked, look};
use crate::reply;
use crate::shared::Shared;
use crate::tier::Question;

/// A request.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    /// Its context's number.
    id: u32,
    state: State,
}

/// How far it has come.
enum State {
    /// Nothing is done with it.
    Untouched,
    /// It goes past the cache.
    Bypassed(Bypass),
    /// Its body is awaited.
    Body(Head),
    /// The cache tier is asked.
    Asks(Box<Ask>, Question),
    /// It waits for another one's answer, or did until it was let go on; what it asks is kept with all that wait.
    Waits,
    /// It was sent on.
    Sent(Box<Ask>),
    /// Its answer passes by.
    Answering(Box<Ask>, Answer),
    /// It was answered here.
    Answered,
}

impl Stream {
    pub(crate) const fn new(shared: Option<Rc<Shared>>, id: u32) -> Self {
        Self { shared, id, state: State::Untouched }
    }

    /// The request's headers have come.
    pub(crate) fn headers(&mut self, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let Ok(headers) = shared.host.headers(Headers::Request) else { return Action::Continue };
        match look(&shared, headers, end_of_stream) {
            Looked::Off => Action::Continue,
            Looked::Bypass(reason, on_miss) => self.bypass(&shared, reason, on_miss),
            Looked::Body(head) => {
                self.state = State::Body(head);
                Action::Pause
            }
            Looked::Ask(ask, headers) => self.consult(&shared, ask, (&headers, &[])),
        }
    }

    /// So much of the request's body is there.
    pub(crate) fn body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        if !matches!(self.state, State::Body(_)) {
            // While it waits or asks, nothing may go on by itself.
            return if self.is_held() { Action::Pause } else { Action::Continue };
        }
        if !end_of_stream && bytes <= shared.max_body_bytes {
            return Action::Pause;
        }
        let State::Body(head) = std::mem::replace(&mut self.state, State::Untouched) else {
            return Action::Continue;
        };
        let on_miss = head.on_miss();
        if bytes > shared.max_body_bytes {
            return self.bypass(&shared, Bypass::BodyTooLarge, on_miss);
        }
        let body = shared.host.buffer(Buffer::RequestBody, 0, bytes).unwrap_or_default();
        match head.with_body(&shared, &body) {
            Ok(ask) => self.consult(&shared, Box::new(ask), (&head.headers, &body)),
            Err(Some(reason)) => self.bypass(&shared, reason, on_miss),
            Err(None) => Action::Continue,
        }
    }

    const fn is_held(&self) -> bool {
        matches!(self.state, State::Asks(..) | State::Waits)
    }

    fn bypass(&mut self, shared: &Shared, reason: Bypass, on_miss: OnMiss) -> Action {
        shared.counters.bypass(&*shared.host, reason);
        if on_miss == OnMiss::GatewayTimeout {
            // There will never be an entry for it.
            reply::not_cached(shared);
            self.state = State::Answered;
            return Action::Pause;
        }
        reply::leave_decision(&*shared.host, "bypass", Some(reason.as_str()));
        self.state = State::Bypassed(reason);
        Action::Continue
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_bytes: usize, _trailers: usize) {
        self.tier_said(token, body_bytes);
    }

    fn on_done(&mut self) -> bool {
        self.done();
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "chaos")]
        if let Some(shared) = &self.shared {
            spillway_host::panic_if_asked(&*shared.host, "response-cache");
        }
        self.headers(end_of_stream)
    }

    fn on_http_request_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.body(bytes, end_of_stream)
    }

    fn on_http_response_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        self.response_headers(end_of_stream)
    }

    fn on_http_response_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.response_body(bytes, end_of_stream);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        self.ended(true);
        Action::Continue
    }
}

#[cfg(test)]
mod tests;
