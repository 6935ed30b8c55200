//! Handing an answer over: whole or as a stream, and broken where that was asked for.

use super::app::{App, now_s};
use super::plain::collect;
use super::sse::SseBody;
use super::style::Style;
use super::taken::Taken;
use crate::engine::{Disruption, Event, Generation};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use spillway_inference::request::Options;
use spillway_inference::response::Head;

/// What is known about an answer before its first event.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) style: Style,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// The answer says how likely its tokens were.
    pub(super) logprobs: bool,
    pub(super) taken: Taken,
    id: String,
    created_s: u64,
    model: String,
}

impl Answer {
    pub(super) fn new(app: &App, model: &str, style: Style, options: &Options, taken: Taken) -> Self {
        Self {
            style,
            stream: options.stream,
            include_usage: options.include_usage,
            logprobs: options.logprobs.is_some(),
            taken,
            id: app.next_id(style.id_prefix()),
            created_s: now_s(),
            model: model.to_owned(),
        }
    }

    pub(super) fn head(&self) -> Head<'_> {
        Head { id: &self.id, created_s: self.created_s, model: &self.model }
    }
}

/// Makes a response of an answer.
pub(super) async fn deliver(mut answer: Answer, generation: Generation) -> Response {
    answer.taken = match answer.taken.disrupted(generation.delivery.disruption).await {
        Ok(response) => return response,
        Err(taken) => taken,
    };
    if answer.stream { stream(answer, generation).await } else { plain(answer, generation).await }
}

async fn stream(answer: Answer, mut generation: Generation) -> Response {
    let mut first = None;
    if !generation.delivery.headers_first {
        first = match generation.events.recv().await {
            None => return answer.taken.failed("it ended without a word"),
            Some(Event::Failed(why)) => return answer.taken.failed(&why),
            Some(Event::NotBegun(why)) => return answer.taken.not_begun(why),
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
    let collected = match collect(&mut generation.events, &mut answer.taken.flight).await {
        Ok(collected) => collected,
        Err(why) => return answer.taken.broken(&why),
    };
    let disruption = generation.delivery.disruption;
    if let Some(Disruption::ResetAfterEvents(_)) = disruption {
        return answer.taken.reset_connection().await;
    }
    let logprobs = answer.logprobs.then_some(collected.logprobs.as_slice());
    let json = answer.style.whole(answer.head(), &collected, logprobs);
    answer.taken.flight.completed(collected.usage);
    answer.taken.whole(json, disruption)
}
