//! Errors as clients see them: a status, OpenAI's body, and when to come back.

use crate::engine::Refusal;
use crate::metrics::Outcome;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use spillway_contract::error_body::{ErrorBody, ErrorCode, ErrorType};
use spillway_contract::headers;
use spillway_inference::request::RequestError;

/// An answer that is not what the client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    code: ErrorCode,
    /// The status, where it is not the code's own.
    status: Option<u16>,
    message: String,
    param: Option<String>,
    retry_after_s: Option<u32>,
    closes: bool,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, status: None, message: message.into(), param: None, retry_after_s: None, closes: false }
    }

    pub(super) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(super) fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The connection takes no further request.
    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// What an injected fault answers.
    pub(super) fn injected(status: u16, retry_after_s: Option<u32>) -> Self {
        let code = ErrorCode::ALL.into_iter().find(|code| code.status() == status);
        let code = code.unwrap_or(if status < 500 { ErrorCode::InvalidRequest } else { ErrorCode::Internal });
        Self {
            status: Some(status),
            retry_after_s,
            ..Self::new(code, format!("injected fault: status {status}"))
        }
    }

    /// What the request counts as.
    pub(super) fn outcome(&self) -> Outcome {
        match (self.code, self.code.error_type()) {
            (ErrorCode::NotReady | ErrorCode::Draining, _) => Outcome::Unavailable,
            (_, ErrorType::InvalidRequest) => Outcome::Invalid,
            (_, ErrorType::Overloaded | ErrorType::Busy | ErrorType::RateLimit) => Outcome::Overloaded,
            (_, ErrorType::Server) => Outcome::Failed,
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let param = error.param().map(str::to_owned);
        Self { param, ..Self::new(ErrorCode::InvalidRequest, error.to_string()) }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::QueueFull { retry_after_s, .. } => {
                Self::new(ErrorCode::Overloaded, message).retry_after_s(retry_after_s)
            }
            Refusal::PromptTooLong { .. } => Self::new(ErrorCode::ContextLengthExceeded, message),
            Refusal::Prompt(_) => Self::new(ErrorCode::InvalidRequest, message),
            Refusal::Format { param, .. } => Self::new(ErrorCode::InvalidRequest, message).param(param),
            Refusal::NotReady | Refusal::Stuck { .. } => {
                Self::new(ErrorCode::NotReady, message).retry_after_s(NOT_READY_RETRY_AFTER_S)
            }
        }
    }
}

/// Loading a model takes seconds; nobody knows how many.
const NOT_READY_RETRY_AFTER_S: u32 = 2;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code, message: &self.message, param: self.param.as_deref() };
        let mut response = Response::new(Body::from(body.to_json()));
        let status = self.status.unwrap_or(self.code.status());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(HeaderName::from_static(headers::RETRY_AFTER), HeaderValue::from(seconds));
        }
        // An injected fault says no more than its status.
        if self.status.is_none() && matches!(self.code, ErrorCode::NotReady | ErrorCode::Draining) {
            // Whoever routes need not wait for the next health check.
            headers.insert(HeaderName::from_static(headers::NOT_HEALTHY), HeaderValue::from_static("true"));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A path that is not served. A query could hold a credential: it is not repeated.
pub(super) async fn path_not_found(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::PathNotFound, format!("{method} {} is not served here", uri.path()))
}

/// A path that is served, with another method.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
}
