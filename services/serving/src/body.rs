//! Reading a request's body, within its bounds.

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// A body that is not longer than it may be, as far as it has said so.
#[derive(Debug)]
pub struct RequestBody {
    body: Body,
    max_bytes: usize,
    announced: Option<usize>,
}

/// Why there is no body. After any of these the connection has to be closed: what is left of the body is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than it may be.
    #[error("the body is longer than the limit of {max_bytes} bytes")]
    TooLong {
        /// How long it may be.
        max_bytes: usize,
    },
    /// The client left in the middle of it.
    #[error("the body ended too early")]
    Broken,
    /// It took too long.
    #[error("the body did not come within {} s", within.as_secs())]
    Late {
        /// How long it might have taken.
        within: Duration,
    },
}

impl RequestBody {
    /// The body of a request, unless it says itself that it is too long.
    ///
    /// # Errors
    /// [`BodyError::TooLong`]
    pub async fn of(request: Request<Body>, max_bytes: usize) -> Result<Self, BodyError> {
        let (parts, body) = request.into_parts();
        let announced = announced_bytes(&parts.headers);
        if announced.is_some_and(|bytes| bytes > max_bytes) {
            // Who asks before sending has sent nothing; looking at the body would tell it to go on.
            if !parts.headers.contains_key(header::EXPECT) {
                discard(body).await;
            }
            return Err(BodyError::TooLong { max_bytes });
        }
        Ok(Self { body, max_bytes, announced })
    }

    /// How long it is at most, in bytes: one that does not say how long it is may be as long as any.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.announced.unwrap_or(self.max_bytes)
    }

    /// All of it. It may share memory with other parts of the connection.
    ///
    /// # Errors
    /// When it is too long after all, breaks off, or takes longer than `within`.
    pub async fn read(mut self, within: Duration) -> Result<Bytes, BodyError> {
        let read = Limited::new(&mut self.body, self.max_bytes).collect();
        match tokio::time::timeout(within, read).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                discard(self.body).await;
                Err(BodyError::TooLong { max_bytes: self.max_bytes })
            }
            Ok(Err(_)) => Err(BodyError::Broken),
            Err(_) => Err(BodyError::Late { within }),
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

fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
