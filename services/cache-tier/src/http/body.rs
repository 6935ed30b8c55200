//! Reading a request's body, within its bounds.

use super::app::App;
use super::error::{ApiError, Code};
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use spillway_serving::body::{BodyError, RequestBody};

/// The body of a request that has to be an entry.
pub(super) async fn read_entry(request: Request<Body>, app: &App) -> Result<Bytes, ApiError> {
    read_within(request, app, app.limits.max_entry_bytes).await
}

/// A body of at most so many bytes.
pub(super) async fn read_within(
    request: Request<Body>,
    app: &App,
    max_bytes: usize,
) -> Result<Bytes, ApiError> {
    let body = RequestBody::of(request, max_bytes).await?;
    let _room = app.receive(body.most_bytes())?;
    let bytes = body.read(app.limits.body_timeout).await?;
    // Copied, because it may be a part of the connection's buffer, which it would keep in memory as a whole.
    Ok(Bytes::copy_from_slice(&bytes))
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let (code, message) = match error {
            BodyError::TooLong { max_bytes } => {
                (Code::BodyTooLarge, format!("the body is longer than the limit of {max_bytes} bytes"))
            }
            BodyError::Broken => (Code::Damaged, error.to_string()),
            BodyError::Late { .. } => (Code::RequestTimeout, error.to_string()),
        };
        Self::new(code, message).closing()
    }
}
