//! Errors as clients see them: a status, a small JSON body, and when to come back.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use spillway_contract::cache::protocol::{LEASE_HEADER, Lease, QueryError, TIER_HEADER, Tier};
use spillway_contract::headers::RETRY_AFTER;

/// What happened. `as_str` is the `code` of the body and the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Code {
    InvalidKey,
    InvalidQuery,
    InvalidLease,
    InvalidBudgets,
    Damaged,
    OtherKey,
    InTheFuture,
    Expired,
    Unauthorized,
    NotFound,
    LeaseNotFound,
    PathNotFound,
    MethodNotAllowed,
    RequestTimeout,
    Purged,
    BodyTooLarge,
    Internal,
    Overloaded,
    QueueFull,
    Draining,
    BudgetsUnavailable,
}

impl Code {
    pub(super) const fn as_str(self) -> &'static str {
        self.row().0
    }

    const fn row(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidKey => ("invalid_key", StatusCode::BAD_REQUEST),
            Self::InvalidQuery => ("invalid_query", StatusCode::BAD_REQUEST),
            Self::InvalidLease => ("invalid_lease", StatusCode::BAD_REQUEST),
            Self::InvalidBudgets => ("invalid_budgets", StatusCode::BAD_REQUEST),
            Self::Damaged => ("damaged", StatusCode::BAD_REQUEST),
            Self::OtherKey => ("other_key", StatusCode::BAD_REQUEST),
            Self::InTheFuture => ("in_the_future", StatusCode::BAD_REQUEST),
            Self::Expired => ("expired", StatusCode::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::LeaseNotFound => ("lease_not_found", StatusCode::NOT_FOUND),
            Self::PathNotFound => ("path_not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::Purged => ("purged", StatusCode::CONFLICT),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Internal => ("internal_error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::QueueFull => ("queue_full", StatusCode::SERVICE_UNAVAILABLE),
            Self::Draining => ("draining", StatusCode::SERVICE_UNAVAILABLE),
            Self::BudgetsUnavailable => ("budgets_unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// An answer that is not what the client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    code: Code,
    message: String,
    retry_after_s: Option<u32>,
    lease: Option<Lease>,
    tier: Option<Tier>,
    closes: bool,
}

impl ApiError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, retry_after_s: None, lease: None, tier: None, closes: false }
    }

    /// Nobody has the entry.
    pub(super) fn miss(lease: Option<Lease>) -> Self {
        Self { lease, ..Self::new(Code::NotFound, "nobody has the entry") }
    }

    pub(super) fn code(&self) -> Code {
        self.code
    }

    pub(super) fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// That tier has the entry all the same.
    pub(super) fn kept_in(mut self, tier: Tier) -> Self {
        self.tier = Some(tier);
        self
    }

    /// The connection takes no further request.
    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::new(Code::InvalidQuery, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, status) = self.code.row();
        let body = json!({"error": {"code": code, "message": self.message}});
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(HeaderName::from_static(RETRY_AFTER), HeaderValue::from(seconds));
        }
        if let Some(tier) = self.tier {
            headers.insert(TIER_HEADER, HeaderValue::from_static(tier.as_str()));
        }
        if let Some(value) = self.lease.and_then(lease_value) {
            headers.insert(LEASE_HEADER, value);
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// How a lease is told. It is made of ASCII, so there is always a value.
pub(super) fn lease_value(lease: Lease) -> Option<HeaderValue> {
    HeaderValue::try_from(lease.to_string()).ok()
}

/// A path that is not served. A query could hold a credential, and a path a key: neither is repeated.
pub(super) async fn path_not_found(method: Method) -> ApiError {
    ApiError::new(Code::PathNotFound, format!("{method} is not served at this path"))
}

/// A path that is served, with another method.
pub(super) async fn method_not_allowed(method: Method, _: Uri) -> ApiError {
    ApiError::new(Code::MethodNotAllowed, format!("the path does not take {method}"))
}
