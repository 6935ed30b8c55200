//! The body of `/v1/completions`.

use super::error::RequestError;
use super::fields::{Field, Fields};
use super::logprobs::of_completion;
use super::model_name;
use super::options::Options;
use serde_json::Value;

/// A checked completion request.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// The model that is asked for, not empty.
    pub model: String,
    /// The text to continue, not empty.
    pub prompt: String,
    /// How to generate and to answer.
    pub options: Options,
}

impl CompletionRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::of_body(body)?;
        let model = model_name(&mut fields)?;
        let prompt = prompt(fields.require("prompt", EXPECTED)?)?;
        Ok(Self { model, prompt, options: Options::take_from(&mut fields, of_completion)? })
    }
}

const EXPECTED: &str = "a string that is not empty";

/// A text, or an array of one text as some clients send it. Token numbers are not taken.
fn prompt(field: Field) -> Result<String, RequestError> {
    match field.value() {
        Value::Array(items) if items.len() == 1 => match field.items(EXPECTED)?.next() {
            Some(only) => text(only),
            None => Ok(String::new()),
        },
        _ => text(field),
    }
}

fn text(field: Field) -> Result<String, RequestError> {
    match field.value() {
        Value::String(text) if !text.is_empty() => field.text(EXPECTED),
        _ => Err(field.refuse(EXPECTED)),
    }
}
