//! A request that an engine has taken: how it is counted, and the ways in which it can end without an answer.

use super::error::ApiError;
use super::plain::PlainBody;
use crate::engine::{Broken, Disruption, NotBegun};
use crate::metrics::{Flight, Outcome};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use spillway_contract::error_body::ErrorCode;
use spillway_serving::reset::ResetHandle;

/// A request that an engine has taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) flight: Flight,
    pub(super) reset: Option<ResetHandle>,
}

impl Taken {
    /// What the client gets instead of an answer, where the fault breaks it before anything is sent.
    pub(super) async fn disrupted(mut self, disruption: Option<Disruption>) -> Result<Response, Self> {
        match disruption {
            Some(Disruption::Status { code, retry_after_s }) => {
                self.flight.ends_as(Outcome::Injected);
                Ok(ApiError::injected(code, retry_after_s).into_response())
            }
            Some(Disruption::ResetBeforeHeaders) => Ok(self.reset_connection().await),
            Some(Disruption::Stall) => {
                self.flight.ends_as(Outcome::Injected);
                // Until the client leaves; then this future is dropped, and the answer and the generation with it.
                std::future::pending().await
            }
            Some(Disruption::ResetAfterEvents(_) | Disruption::Truncate) | None => Err(self),
        }
    }

    /// There is no answer, and nothing was sent yet.
    pub(super) fn broken(self, why: &Broken) -> Response {
        match why {
            Broken::NotBegun(why) => self.not_begun(*why),
            Broken::Failed(why) => self.failed(why),
        }
    }

    /// The engine failed before anything was sent. What went wrong is for the log alone.
    pub(super) fn failed(mut self, why: &str) -> Response {
        tracing::error!(why, "the engine failed");
        self.flight.ends_as(Outcome::Failed);
        ApiError::new(ErrorCode::Internal, "the engine failed").into_response()
    }

    /// It waited, and is not begun any more.
    pub(super) fn not_begun(mut self, why: NotBegun) -> Response {
        match why {
            NotBegun::Expired => {
                self.flight.ends_as(Outcome::Expired);
                let message = "the time for which the client waits passed before there was a slot";
                ApiError::new(ErrorCode::DeadlineUnmet, message).retry_after_s(1).into_response()
            }
            NotBegun::HandedBack => {
                self.flight.ends_as(Outcome::Unavailable);
                let message = "the worker is about to stop, and the request had not begun";
                ApiError::new(ErrorCode::Draining, message).retry_after_s(1).closing().into_response()
            }
        }
    }

    /// Resets the connection and does not come back.
    pub(super) async fn reset_connection(mut self) -> Response {
        self.flight.ends_as(Outcome::Injected);
        match self.reset.take() {
            Some(reset) => reset.now().await,
            None => self.failed("a reset was asked for, and the connection is not known"),
        }
    }

    /// An answer in one piece, cut in the middle where the fault says so.
    pub(super) fn whole(mut self, json: Vec<u8>, disruption: Option<Disruption>) -> Response {
        let body = if disruption == Some(Disruption::Truncate) {
            self.flight.ends_as(Outcome::Injected);
            PlainBody::half(json, self.flight)
        } else {
            PlainBody::whole(json, self.flight)
        };
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
