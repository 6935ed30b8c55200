//! The two shapes of an answer: chat and completion.

use super::plain::Collected;
use bytes::{BufMut, BytesMut};
use serde::Serialize;
use spillway_inference::response::{
    ChatAnswer, ChatChunk, CompletionAnswer, CompletionChunk, FinishReason, Head, TokenLogprobs, Usage,
};

/// Which API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Chat,
    Completion,
}

/// One event of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chunk<'a> {
    /// What stands before the first text; chat says there who speaks.
    Opening,
    Text(&'a str, Option<&'a [TokenLogprobs]>),
    Finish(FinishReason),
    Usage(Usage),
    /// The terminal event.
    Done,
}

impl Style {
    pub(super) fn id_prefix(self) -> &'static str {
        match self {
            Self::Chat => "chatcmpl",
            Self::Completion => "cmpl",
        }
    }

    /// The body of a whole answer.
    pub(super) fn whole(
        self,
        head: Head<'_>,
        collected: &Collected,
        logprobs: Option<&[TokenLogprobs]>,
    ) -> Vec<u8> {
        let Collected { ref text, reason: finish_reason, usage, .. } = *collected;
        // Only strings and numbers are written: this cannot fail.
        match self {
            Self::Chat => serde_json::to_vec(&ChatAnswer { head, text, logprobs, finish_reason, usage }),
            Self::Completion => {
                serde_json::to_vec(&CompletionAnswer { head, text, logprobs, finish_reason, usage })
            }
        }
        .unwrap_or_default()
    }

    /// Writes one event; returns how many it were, 0 or 1.
    pub(super) fn write(self, head: Head<'_>, chunk: Chunk<'_>, out: &mut BytesMut) -> u32 {
        match (self, chunk) {
            (_, Chunk::Done) => {
                out.put_slice(b"data: [DONE]\n\n");
                1
            }
            (Self::Chat, Chunk::Opening) => event(ChatChunk::Role.with(head), out),
            (Self::Chat, Chunk::Text(text, logprobs)) => {
                event(ChatChunk::Text(text, logprobs).with(head), out)
            }
            (Self::Chat, Chunk::Finish(reason)) => event(ChatChunk::Finish(reason).with(head), out),
            (Self::Chat, Chunk::Usage(usage)) => event(ChatChunk::Usage(usage).with(head), out),
            (Self::Completion, Chunk::Opening) => 0,
            (Self::Completion, Chunk::Text(text, logprobs)) => {
                event(CompletionChunk::Text(text, logprobs).with(head), out)
            }
            (Self::Completion, Chunk::Finish(reason)) => {
                event(CompletionChunk::Finish(reason).with(head), out)
            }
            (Self::Completion, Chunk::Usage(usage)) => event(CompletionChunk::Usage(usage).with(head), out),
        }
    }
}

fn event(json: impl Serialize, out: &mut BytesMut) -> u32 {
    out.put_slice(b"data: ");
    // Only strings and numbers are written, into memory: this cannot fail.
    let _ = serde_json::to_writer(out.writer(), &json);
    out.put_slice(b"\n\n");
    1
}
