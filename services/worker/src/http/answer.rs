//! Handing an answer over: whole or as a stream, and broken where that was asked for.

use super::app::{App, now_s};
use super::error::ApiError;
use super::plain::{Broken, PlainBody, collect};
use super::sse::SseBody;
use super::style::Style;
use crate::engine::{Disruption, Event, Generation};
use crate::metrics::{Flight, Outcome};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use spillway_contract::error_body::ErrorCode;
use spillway_inference::request::Options;
use spillway_inference::response::Head;
use spillway_serving::reset::ResetHandle;

/// What is known about an answer before its first event.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) style: Style,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// The answer says how likely its tokens were.
    pub(super) logprobs: bool,
    pub(super) flight: Flight,
    pub(super) reset: Option<ResetHandle>,
    id: String,
    created_s: u64,
    model: String,
}

impl Answer {
    pub(super) fn new(
        app: &App,
        style: Style,
        options: &Options,
        flight: Flight,
        reset: Option<ResetHandle>,
    ) -> Self {
        Self {
            style,
            stream: options.stream,
            include_usage: options.include_usage,
            logprobs: options.logprobs.is_some(),
            flight,
            reset,
            id: app.next_id(style.id_prefix()),
            created_s: now_s(),
            model: app.model().to_owned(),
        }
    }

    pub(super) fn head(&self) -> Head<'_> {
        Head { id: &self.id, created_s: self.created_s, model: &self.model }
    }

    /// The engine failed before anything was sent. What went wrong is for the log alone.
    fn failed(mut self, why: &str) -> Response {
        tracing::error!(why, "the engine failed");
        self.flight.ends_as(Outcome::Failed);
        ApiError::new(ErrorCode::Internal, "the engine failed").into_response()
    }

    /// Nobody waits for it any more, or not for long enough.
    fn expired(mut self) -> Response {
        self.flight.ends_as(Outcome::Expired);
        let message = "the time for which the client waits passed before there was a slot";
        ApiError::new(ErrorCode::DeadlineUnmet, message).retry_after_s(1).into_response()
    }

    /// Resets the connection and does not come back.
    async fn reset_connection(mut self) -> Response {
        self.flight.ends_as(Outcome::Injected);
        match self.reset.take() {
            Some(reset) => reset.now().await,
            None => self.failed("a reset was asked for, and the connection is not known"),
        }
    }
}

/// Makes a response of an answer.
pub(super) async fn deliver(mut answer: Answer, generation: Generation) -> Response {
    match generation.delivery.disruption {
        Some(Disruption::Status { code, retry_after_s }) => {
            answer.flight.ends_as(Outcome::Injected);
            ApiError::injected(code, retry_after_s).into_response()
        }
        Some(Disruption::ResetBeforeHeaders) => answer.reset_connection().await,
        Some(Disruption::Stall) => {
            answer.flight.ends_as(Outcome::Injected);
            // Until the client leaves; then this future is dropped, and the answer and the generation with it.
            std::future::pending().await
        }
        _ if answer.stream => stream(answer, generation).await,
        _ => plain(answer, generation).await,
    }
}

async fn stream(answer: Answer, mut generation: Generation) -> Response {
    let mut first = None;
    if !generation.delivery.headers_first {
        first = match generation.events.recv().await {
            None => return answer.failed("it ended without a word"),
            Some(Event::Failed(why)) => return answer.failed(&why),
            Some(Event::Expired) => return answer.expired(),
            Some(event) => Some(event),
        };
    }
    let mut response = Response::new(Body::new(SseBody::new(answer, generation, first)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn plain(mut answer: Answer, mut generation: Generation) -> Response {
    let collected = match collect(&mut generation.events, &mut answer.flight).await {
        Ok(collected) => collected,
        Err(Broken::Failed(why)) => return answer.failed(&why),
        Err(Broken::Expired) => return answer.expired(),
    };
    let disruption = generation.delivery.disruption;
    if let Some(Disruption::ResetAfterEvents(_)) = disruption {
        return answer.reset_connection().await;
    }
    let logprobs = answer.logprobs.then_some(collected.logprobs.as_slice());
    let bytes = answer.style.whole(answer.head(), &collected, logprobs);
    answer.flight.completed(collected.usage);
    let body = if disruption == Some(Disruption::Truncate) {
        answer.flight.ends_as(Outcome::Injected);
        PlainBody::half(bytes, answer.flight)
    } else {
        PlainBody::whole(bytes, answer.flight)
    };
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
