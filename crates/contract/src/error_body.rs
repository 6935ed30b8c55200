//! The error body that every part of Spillway answers with, in OpenAI's shape.
//!
//! ```text
//! {"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}
//! ```
//!
//! The code says what happened, and everything else about the answer follows from it: the type and the HTTP status.
//! So a client, a log and a metric see the same word, and no two parts answer the same fact differently.
//!
//! A message is meant for the client. It never holds a prompt, an answer or a credential.

use serde::{Serialize, Serializer};

/// What happened. `as_str` is the `code` of the body, the log word and the metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The request cannot be read, or a field of it is wrong.
    InvalidRequest,
    /// Prompt and answer do not fit into what the model or the server takes.
    ContextLengthExceeded,
    /// There is no such model.
    ModelNotFound,
    /// There is no such path.
    PathNotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The client was too slow to send its request.
    RequestTimeout,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// Refused because of load: trying again later can help.
    Overloaded,
    /// The server failed.
    Internal,
    /// The server is not ready yet: it loads its model.
    NotReady,
    /// The server is about to stop.
    Draining,
    /// No endpoint can take the request.
    NoEndpoint,
    /// The answer took too long.
    Timeout,
    /// The client wants nothing but a cached answer, and there is none.
    NotCached,
    /// Refused because of load: requests of this priority level get nothing at present.
    Saturated,
    /// Refused because of load: enough requests of this priority level wait.
    QueueFull,
    /// Refused because of load: it could not be served within the time that its client waits.
    DeadlineUnmet,
    /// Refused because of load: it waited, and its place went to a more important request.
    Preempted,
    /// Rate-limited: its tenant has sent enough requests for now.
    OverRequestBudget,
    /// Rate-limited: its tenant has used enough tokens for now.
    OverTokenBudget,
}

/// The class of an error, as OpenAI's clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// The request is at fault: the same request will fail again.
    InvalidRequest,
    /// The load is at fault.
    Overloaded,
    /// The load is at fault, and a gateway before the server says so.
    Busy,
    /// The client's own budget is used up.
    RateLimit,
    /// The server is at fault, or not there.
    Server,
}

impl ErrorType {
    /// The `type` of the body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Overloaded => "overloaded_error",
            Self::Busy => "server_busy",
            Self::RateLimit => "rate_limit_error",
            Self::Server => "server_error",
        }
    }
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 21] = [
        Self::InvalidRequest,
        Self::ContextLengthExceeded,
        Self::ModelNotFound,
        Self::PathNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Overloaded,
        Self::Internal,
        Self::NotReady,
        Self::Draining,
        Self::NoEndpoint,
        Self::Timeout,
        Self::NotCached,
        Self::Saturated,
        Self::QueueFull,
        Self::DeadlineUnmet,
        Self::Preempted,
        Self::OverRequestBudget,
        Self::OverTokenBudget,
    ];

    /// The `code` of the body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// The class that the code belongs to.
    #[must_use]
    pub const fn error_type(self) -> ErrorType {
        self.row().2
    }

    const fn row(self) -> (&'static str, u16, ErrorType) {
        use ErrorType::{Busy, InvalidRequest, Overloaded, RateLimit, Server};
        match self {
            Self::InvalidRequest => ("invalid_request", 400, InvalidRequest),
            Self::ContextLengthExceeded => ("context_length_exceeded", 400, InvalidRequest),
            Self::ModelNotFound => ("model_not_found", 404, InvalidRequest),
            Self::PathNotFound => ("path_not_found", 404, InvalidRequest),
            Self::MethodNotAllowed => ("method_not_allowed", 405, InvalidRequest),
            Self::RequestTimeout => ("request_timeout", 408, InvalidRequest),
            Self::BodyTooLarge => ("body_too_large", 413, InvalidRequest),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, InvalidRequest),
            Self::Overloaded => ("server_overloaded", 503, Overloaded),
            Self::Internal => ("internal_error", 500, Server),
            Self::NotReady => ("not_ready", 503, Server),
            Self::Draining => ("draining", 503, Server),
            Self::NoEndpoint => ("no_endpoint", 503, Server),
            Self::Timeout => ("timeout", 504, Server),
            Self::NotCached => ("not_cached", 504, Server),
            Self::Saturated => ("saturated", 429, Busy),
            Self::QueueFull => ("queue_full", 429, Busy),
            Self::DeadlineUnmet => ("deadline", 429, Busy),
            Self::Preempted => ("preempted", 429, Busy),
            Self::OverRequestBudget => ("over_request_budget", 429, RateLimit),
            Self::OverTokenBudget => ("over_token_budget", 429, RateLimit),
        }
    }
}

/// An error as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// What happened.
    pub code: ErrorCode,
    /// What happened, for people: what came, and what was expected.
    pub message: &'a str,
    /// The path of the field that is at fault, such as `messages[1].role`.
    pub param: Option<&'a str>,
}

impl ErrorBody<'_> {
    /// The body's bytes, `application/json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only strings are written: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for ErrorBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            error: Detail<'a>,
        }
        #[derive(Serialize)]
        struct Detail<'a> {
            message: &'a str,
            r#type: &'static str,
            param: Option<&'a str>,
            code: &'static str,
        }
        let Self { code, message, param } = *self;
        let error = Detail { message, r#type: code.error_type().as_str(), param, code: code.as_str() };
        Wire { error }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_shape_is_openais() {
        let body = ErrorBody { code: ErrorCode::ModelNotFound, message: "no \"x\"", param: Some("model") };
        assert_eq!(
            body.to_json(),
            r#"{"error":{"message":"no \"x\"","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        );
        let body = ErrorBody { code: ErrorCode::Overloaded, message: "busy", param: None };
        assert_eq!(
            body.to_json(),
            r#"{"error":{"message":"busy","type":"overloaded_error","param":null,"code":"server_overloaded"}}"#
        );
    }

    #[test]
    fn type_and_status_agree() {
        for code in ErrorCode::ALL {
            let expected = match code.error_type() {
                ErrorType::InvalidRequest => 400..=428,
                ErrorType::Overloaded => 503..=503,
                ErrorType::Busy | ErrorType::RateLimit => 429..=429,
                ErrorType::Server => 500..=599,
            };
            assert!(expected.contains(&code.status()), "{}: {}", code.as_str(), code.status());
        }
    }

    #[test]
    fn codes_are_distinct_words() {
        let mut words: Vec<_> = ErrorCode::ALL.into_iter().map(ErrorCode::as_str).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ErrorCode::ALL.len());
    }
}
