//! A request body turned into checked values.
//!
//! Two steps: the bytes become a JSON object, the object becomes a domain struct whose values are in range. Nothing
//! is guessed: a field that would change the meaning of the answer and is not served is an error
//! ([`RequestError::Unsupported`]); fields that do not concern the answer (`user`, `metadata`, ...) are ignored.
//!
//! What it does not do: it does not know which models exist, nor a server's own limits (body, prompt, output).

mod chat;
mod completion;
mod embedding;
#[cfg(test)]
mod embedding_tests;
mod error;
mod fields;
mod format;
mod logprobs;
mod options;
mod sampling;
#[cfg(test)]
mod tests;

pub use chat::{ChatRequest, Message, Role};
pub use completion::CompletionRequest;
pub use embedding::{EmbeddingRequest, Encoding, Input, Inputs, MAX_INPUTS};
pub use error::RequestError;
pub use format::{Format, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH};
pub use logprobs::{MAX_CHAT_LOGPROBS, MAX_COMPLETION_LOGPROBS};
pub use options::{MAX_STOP_BYTES, MAX_STOPS, Options};
pub use sampling::Sampling;

use fields::Fields;
use serde_json::Value;

/// The longest model name, in bytes.
const MAX_MODEL_BYTES: usize = 256;

fn model_name(fields: &mut Fields) -> Result<String, RequestError> {
    const EXPECTED: &str = "the name of a model";
    let field = fields.require("model", EXPECTED)?;
    match field.value() {
        Value::String(name) if (1..=MAX_MODEL_BYTES).contains(&name.len()) => field.text(EXPECTED),
        _ => Err(field.refuse(EXPECTED)),
    }
}
