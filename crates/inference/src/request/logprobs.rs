//! Whether an answer says how likely its tokens were, which each API asks for in its own way.

use super::error::RequestError;
use super::fields::Fields;

/// The most alternatives of a token in a chat.
pub const MAX_CHAT_LOGPROBS: u32 = 20;
/// The most alternatives of a token in a completion.
pub const MAX_COMPLETION_LOGPROBS: u32 = 5;

/// Of a chat: `logprobs` says whether, `top_logprobs` how many alternatives of each token.
pub(super) fn of_chat(fields: &mut Fields) -> Result<Option<u32>, RequestError> {
    let wanted = fields.take("logprobs").map_or(Ok(false), |field| field.boolean())?;
    let Some(most) = fields.take("top_logprobs") else { return Ok(wanted.then_some(0)) };
    if !wanted {
        return Err(most.refuse("no value unless \"logprobs\" is true"));
    }
    most.small_integer(0..=MAX_CHAT_LOGPROBS).map(Some)
}

/// Of a completion: `logprobs` is that number; `false` asks for nothing.
pub(super) fn of_completion(fields: &mut Fields) -> Result<Option<u32>, RequestError> {
    if let Some(most) = fields.take("top_logprobs") {
        return Err(most.refuse("no value: in a completion \"logprobs\" is the number"));
    }
    let most = fields.take("logprobs").filter(|field| field.value() != false);
    most.map(|field| field.small_integer(0..=MAX_COMPLETION_LOGPROBS)).transpose()
}
