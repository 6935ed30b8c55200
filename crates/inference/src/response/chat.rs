//! Answers of `/v1/chat/completions`: `chat.completion` and `chat.completion.chunk`.

use super::logprobs::ChatLogprobs;
use super::{FinishReason, Head, TokenLogprobs, Usage};
use serde::{Serialize, Serializer};

/// A whole answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChatAnswer<'a> {
    /// Id, time and model.
    pub head: Head<'a>,
    /// The text of the only choice.
    pub text: &'a str,
    /// How likely its tokens were, where that was asked for.
    pub logprobs: Option<&'a [TokenLogprobs]>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Its token counts.
    pub usage: Usage,
}

/// One chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChatChunk<'a> {
    /// The first chunk: who speaks.
    Role,
    /// The next piece of text, and how likely its tokens were, where that was asked for.
    Text(&'a str, Option<&'a [TokenLogprobs]>),
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
    logprobs: Option<ChatLogprobs<'a>>,
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
    logprobs: Option<ChatLogprobs<'a>>,
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
        let logprobs = self.logprobs.map(ChatLogprobs::of);
        let choice = Choice { index: 0, message, logprobs, finish_reason: self.finish_reason };
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
        let write = |delta, logprobs: Option<_>, finish_reason, serializer| {
            let logprobs = logprobs.map(ChatLogprobs::of);
            let choice = ChunkChoice { index: 0, delta, logprobs, finish_reason };
            wire("chat.completion.chunk", self.head, &[choice], None).serialize(serializer)
        };
        match self.chunk {
            ChatChunk::Role => {
                write(Delta { role: Some("assistant"), content: Some("") }, None, None, serializer)
            }
            ChatChunk::Text(text, logprobs) => {
                write(Delta { role: None, content: Some(text) }, logprobs, None, serializer)
            }
            ChatChunk::Finish(reason) => write(Delta::default(), None, Some(reason), serializer),
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
