//! Reading a request's body, within its bounds.

use super::Limits;
use super::error::ApiError;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use spillway_contract::error_body::ErrorCode;
use std::time::Duration;

/// The body of a request that has to be JSON.
pub(super) async fn read_json(request: Request<Body>, limits: &Limits) -> Result<Bytes, ApiError> {
    let (parts, mut body) = request.into_parts();
    require_json(&parts.headers)?;
    if announced_bytes(&parts.headers).is_some_and(|bytes| bytes > limits.max_body_bytes) {
        // Who asks before sending has sent nothing; looking at the body would tell it to go on.
        if !parts.headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(too_large(limits));
    }
    let read = Limited::new(&mut body, limits.max_body_bytes).collect();
    match tokio::time::timeout(limits.body_timeout, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large(limits))
        }
        Ok(Err(_)) => Err(ApiError::new(ErrorCode::InvalidRequest, "the body ended too early").closing()),
        Err(_) => {
            let message = format!("the body did not come within {} s", limits.body_timeout.as_secs());
            Err(ApiError::new(ErrorCode::RequestTimeout, message).closing())
        }
    }
}

/// How much of a body that is too long is read all the same, and for how long.
const DISCARD_BYTES: usize = 16 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Reads and forgets the rest of a body, within bounds. A connection that is closed on a client which is still sending
/// is reset, and the client, or a proxy in front, may never see the answer.
async fn discard(mut body: Body) {
    let mut left = DISCARD_BYTES;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    tokio::time::timeout(DISCARD_TIME, read).await.ok();
}

fn too_large(limits: &Limits) -> ApiError {
    let message = format!("the body is longer than the limit of {} bytes", limits.max_body_bytes);
    ApiError::new(ErrorCode::BodyTooLarge, message).closing()
}

fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
