//! Reading a request's body, within its bounds.

use super::app::App;
use super::error::{ApiError, Code};
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// The body of a request that has to be an entry.
pub(super) async fn read_entry(request: Request<Body>, app: &App) -> Result<Bytes, ApiError> {
    let limits = app.limits;
    let (parts, mut body) = request.into_parts();
    let announced = announced_bytes(&parts.headers);
    if announced.is_some_and(|bytes| bytes > limits.max_entry_bytes) {
        // Who asks before sending has sent nothing; looking at the body would tell it to go on.
        if !parts.headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(too_large(limits.max_entry_bytes));
    }
    // One that does not say how long it is may be as long as any.
    let _room = app.receive(announced.unwrap_or(limits.max_entry_bytes))?;
    let read = Limited::new(&mut body, limits.max_entry_bytes).collect();
    match tokio::time::timeout(limits.body_timeout, read).await {
        // Copied, because it may be a part of the connection's buffer, which it would keep in memory as a whole.
        Ok(Ok(body)) => Ok(Bytes::copy_from_slice(&body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large(limits.max_entry_bytes))
        }
        Ok(Err(_)) => Err(ApiError::new(Code::Damaged, "the body ended too early").closing()),
        Err(_) => {
            let message = format!("the body did not come within {} s", limits.body_timeout.as_secs());
            Err(ApiError::new(Code::RequestTimeout, message).closing())
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

fn too_large(limit: usize) -> ApiError {
    let message = format!("the entry is longer than the limit of {limit} bytes");
    ApiError::new(Code::BodyTooLarge, message).closing()
}

fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
