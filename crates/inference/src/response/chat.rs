//! Answers of `/v1/chat/completions`: `chat.completion` and `chat.completion.chunk`.

use super::{FinishReason, Head, Usage};
use serde::{Serialize, Serializer};

/// A whole answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChatAnswer<'a> {
    /// Id, time and model.
    pub head: Head<'a>,
    /// The text of the only choice.
    pub text: &'a str,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Its token counts.
    pub usage: Usage,
}

/// One chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatChunk<'a> {
    /// The first chunk: who speaks.
    Role,
    /// The next piece of text.
    Text(&'a str),
    /// The last chunk of the choice: why it ended.
    Finish(FinishReason),
    /// The token counts, where the client asked for them.
    Usage(Usage),
}

#[derive(Serialize)]
struct Wire<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [C],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: AssistantMessage<'a>,
    logprobs: (),
    finish_reason: FinishReason,
}

#[derive(Serialize)]
struct AssistantMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: (),
    finish_reason: Option<FinishReason>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl Serialize for ChatAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = AssistantMessage { role: "assistant", content: self.text };
        let choice = Choice { index: 0, message, logprobs: (), finish_reason: self.finish_reason };
        wire("chat.completion", self.head, &[choice], Some(self.usage)).serialize(serializer)
    }
}

impl<'a> ChatChunk<'a> {
    /// The chunk's JSON.
    #[must_use]
    pub fn with(self, head: Head<'a>) -> impl Serialize + 'a {
        ChunkOf { head, chunk: self }
    }
}

struct ChunkOf<'a> {
    head: Head<'a>,
    chunk: ChatChunk<'a>,
}

impl Serialize for ChunkOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let write = |delta, finish_reason, serializer| {
            let choice = ChunkChoice { index: 0, delta, logprobs: (), finish_reason };
            wire("chat.completion.chunk", self.head, &[choice], None).serialize(serializer)
        };
        match self.chunk {
            ChatChunk::Role => write(Delta { role: Some("assistant"), content: Some("") }, None, serializer),
            ChatChunk::Text(text) => write(Delta { role: None, content: Some(text) }, None, serializer),
            ChatChunk::Finish(reason) => write(Delta::default(), Some(reason), serializer),
            ChatChunk::Usage(usage) => {
                wire::<ChunkChoice<'_>>("chat.completion.chunk", self.head, &[], Some(usage))
                    .serialize(serializer)
            }
        }
    }
}

fn wire<'a, C>(object: &'static str, head: Head<'a>, choices: &'a [C], usage: Option<Usage>) -> Wire<'a, C> {
    Wire { id: head.id, object, created: head.created_s, model: head.model, choices, usage }
}
