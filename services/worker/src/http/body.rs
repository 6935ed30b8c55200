//! Reading a request's body, within its bounds.

use super::Limits;
use super::error::ApiError;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::Bytes;
use spillway_contract::error_body::ErrorCode;
use spillway_serving::body::{BodyError, RequestBody};

/// The body of a request that has to be JSON.
pub(super) async fn read_json(request: Request<Body>, limits: &Limits) -> Result<Bytes, ApiError> {
    require_json(request.headers())?;
    let body = RequestBody::of(request, limits.max_body_bytes).await?;
    Ok(body.read(limits.body_timeout).await?)
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLong { .. } => ErrorCode::BodyTooLarge,
            BodyError::Broken => ErrorCode::InvalidRequest,
            BodyError::Late { .. } => ErrorCode::RequestTimeout,
        };
        Self::new(code, error.to_string()).closing()
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Err(unsupported("none"));
    };
    let text = value.to_str().map_err(|_| unsupported("one that is not ASCII"))?;
    let media_type = text.split(';').next().unwrap_or(text).trim();
    if media_type.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(unsupported("another one")) }
}

fn unsupported(got: &str) -> ApiError {
    let message = format!("content-type: expected application/json, got {got}");
    ApiError::new(ErrorCode::UnsupportedMediaType, message)
}
