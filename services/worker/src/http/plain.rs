//! An answer in one piece.

use crate::engine::{Broken, Event};
use crate::metrics::Flight;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use spillway_inference::response::{FinishReason, TokenLogprobs, Usage};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::mpsc::UnboundedReceiver;

/// All events of an answer.
pub(super) struct Collected {
    pub(super) text: String,
    pub(super) logprobs: Vec<TokenLogprobs>,
    pub(super) reason: FinishReason,
    pub(super) usage: Usage,
}

/// Waits for the end of an answer.
pub(super) async fn collect(
    events: &mut UnboundedReceiver<Event>,
    flight: &mut Flight,
) -> Result<Collected, Broken> {
    let (mut text, mut logprobs) = (String::new(), Vec::new());
    loop {
        match events.recv().await {
            Some(Event::Text { text: piece, logprobs: of_piece }) => {
                flight.text(Instant::now());
                text.push_str(&piece);
                logprobs.extend(of_piece);
            }
            Some(Event::Finished { reason, usage }) => {
                return Ok(Collected { text, logprobs, reason, usage });
            }
            Some(Event::NotBegun(why)) => return Err(Broken::NotBegun(why)),
            Some(Event::Failed(why)) => return Err(Broken::Failed(why)),
            None => return Err(Broken::Failed("it ended without a word".to_owned())),
        }
    }
}

/// The body of an answer in one piece. It holds the request in flight until the body is handed over.
#[derive(Debug)]
pub(super) struct PlainBody {
    bytes: Option<Bytes>,
    /// What is missing at the end, in bytes.
    missing: usize,
    /// What was given has had its chance to be sent.
    flushed: bool,
    _flight: Flight,
}

impl PlainBody {
    pub(super) fn whole(bytes: Vec<u8>, flight: Flight) -> Self {
        Self { bytes: Some(bytes.into()), missing: 0, flushed: false, _flight: flight }
    }

    /// A body that promises all bytes, gives the first half and breaks off.
    pub(super) fn half(mut bytes: Vec<u8>, flight: Flight) -> Self {
        let kept = bytes.len() / 2;
        let missing = bytes.len() - kept;
        bytes.truncate(kept);
        Self { bytes: Some(bytes.into()), missing, flushed: false, _flight: flight }
    }
}

impl Body for PlainBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.missing == 0 {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.flushed, true) {
            // The server writes to the socket when a body has nothing for it; so this is said once.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::other("the answer is cut, as it was asked for"))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.missing == 0
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.bytes.as_ref().map_or(0, Bytes::len) + self.missing;
        SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
    }
}
