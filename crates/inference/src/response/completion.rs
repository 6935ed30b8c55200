//! Answers of `/v1/completions`: `text_completion`, whole or in chunks.

use super::logprobs::CompletionLogprobs;
use super::{FinishReason, Head, TokenLogprobs, Usage};
use serde::{Serialize, Serializer};

/// A whole answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompletionAnswer<'a> {
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
pub enum CompletionChunk<'a> {
    /// The next piece of text, and how likely its tokens were, where that was asked for.
    Text(&'a str, Option<&'a [TokenLogprobs]>),
    /// The last chunk of the choice: why it ended.
    Finish(FinishReason),
    /// The token counts, where the client asked for them.
    Usage(Usage),
}

#[derive(Serialize)]
struct Wire<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    text: &'a str,
    logprobs: Option<CompletionLogprobs<'a>>,
    finish_reason: Option<FinishReason>,
}

impl Serialize for CompletionAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let logprobs = self.logprobs.map(CompletionLogprobs);
        let choice = Choice { index: 0, text: self.text, logprobs, finish_reason: Some(self.finish_reason) };
        wire(self.head, &[choice], Some(self.usage)).serialize(serializer)
    }
}

impl<'a> CompletionChunk<'a> {
    /// The chunk's JSON.
    #[must_use]
    pub fn with(self, head: Head<'a>) -> impl Serialize + 'a {
        ChunkOf { head, chunk: self }
    }
}

struct ChunkOf<'a> {
    head: Head<'a>,
    chunk: CompletionChunk<'a>,
}

impl Serialize for ChunkOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (text, logprobs, finish_reason) = match self.chunk {
            CompletionChunk::Text(text, logprobs) => (text, logprobs.map(CompletionLogprobs), None),
            CompletionChunk::Finish(reason) => ("", None, Some(reason)),
            CompletionChunk::Usage(usage) => return wire(self.head, &[], Some(usage)).serialize(serializer),
        };
        wire(self.head, &[Choice { index: 0, text, logprobs, finish_reason }], None).serialize(serializer)
    }
}

fn wire<'a>(head: Head<'a>, choices: &'a [Choice<'a>], usage: Option<Usage>) -> Wire<'a> {
    Wire {
        id: head.id,
        object: "text_completion",
        created: head.created_s,
        model: head.model,
        choices,
        usage,
    }
}
