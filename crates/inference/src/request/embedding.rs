//! The body of `/v1/embeddings`.

use super::error::RequestError;
use super::fields::{Field, Fields};
use super::model_name;
use serde_json::Value;

/// The most inputs of a request.
pub const MAX_INPUTS: usize = 2048;

/// A checked embedding request.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingRequest {
    /// The model that is asked for, not empty.
    pub model: String,
    /// What is to become vectors.
    pub inputs: Inputs,
    /// How the vectors are written.
    pub encoding: Encoding,
    /// How long the vectors are to be, at least 1; `None` leaves it to the model.
    pub dimensions: Option<u32>,
}

/// The inputs of a request: at least one and at most [`MAX_INPUTS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    items: Vec<Input>,
    /// They came as a list, so each has an index in its path.
    is_list: bool,
}

/// What becomes one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text, not empty.
    Text(String),
    /// The numbers of the model's own tokens, at least one.
    Tokens(Vec<u32>),
}

/// How a vector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As an array of numbers.
    #[default]
    Float,
    /// As the base64 of its numbers, 32-bit floats with the lowest byte first.
    Base64,
}

impl Inputs {
    /// The path of an input in the request, for errors about it.
    #[must_use]
    pub fn path(&self, index: usize) -> String {
        if self.is_list { format!("input[{index}]") } else { "input".to_owned() }
    }

    /// The inputs, in order.
    #[must_use]
    pub fn items(&self) -> &[Input] {
        &self.items
    }
}

impl EmbeddingRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::of_body(body)?;
        refuse_unsupported(&mut fields)?;
        Ok(Self {
            model: model_name(&mut fields)?,
            inputs: inputs(fields.require("input", EXPECTED_INPUT)?)?,
            encoding: fields.take("encoding_format").map_or(Ok(Encoding::Float), |field| encoding(&field))?,
            dimensions: fields.take("dimensions").map(|field| dimensions(&field)).transpose()?,
        })
    }
}

const EXPECTED_INPUT: &str =
    "a string, an array of strings, an array of tokens or an array of arrays of tokens";
const EXPECTED_TEXT: &str = "a string that is not empty";
const EXPECTED_TOKENS: &str = "an array of at least one token";
const EXPECTED_TOKEN: &str = "a token, an integer from 0 to 4294967295";

/// There are no events of an embedding, and an input that was cut has another meaning.
fn refuse_unsupported(fields: &mut Fields) -> Result<(), RequestError> {
    if fields.take("stream").is_some_and(|field| field.value() != false) {
        return Err(RequestError::Unsupported { param: "stream", neutral: "false" });
    }
    if fields.take("truncate_prompt_tokens").is_some() {
        return Err(RequestError::Unsupported { param: "truncate_prompt_tokens", neutral: "null" });
    }
    Ok(())
}

/// What the first item is says what all of them are to be.
fn inputs(field: Field) -> Result<Inputs, RequestError> {
    let items = match field.value() {
        Value::String(_) => return Ok(Inputs { items: vec![text(field)?], is_list: false }),
        Value::Array(items) => items,
        _ => return Err(field.refuse(EXPECTED_INPUT)),
    };
    let each = match items.first() {
        Some(Value::String(_)) => text,
        Some(Value::Array(_)) => tokens,
        Some(Value::Number(_)) => return Ok(Inputs { items: vec![tokens(field)?], is_list: false }),
        _ => return Err(field.refuse(EXPECTED_INPUT)),
    };
    if items.len() > MAX_INPUTS {
        return Err(field.refuse(format!("at most {MAX_INPUTS} inputs")));
    }
    let items = field.items(EXPECTED_INPUT)?.map(each).collect::<Result<_, _>>()?;
    Ok(Inputs { items, is_list: true })
}

fn text(field: Field) -> Result<Input, RequestError> {
    match field.value() {
        Value::String(text) if !text.is_empty() => field.text(EXPECTED_TEXT).map(Input::Text),
        _ => Err(field.refuse(EXPECTED_TEXT)),
    }
}

fn tokens(field: Field) -> Result<Input, RequestError> {
    if field.value().as_array().is_some_and(Vec::is_empty) {
        return Err(field.refuse(EXPECTED_TOKENS));
    }
    field.items(EXPECTED_TOKENS)?.map(|token| number(&token)).collect::<Result<_, _>>().map(Input::Tokens)
}

fn number(field: &Field) -> Result<u32, RequestError> {
    let number = field.value().as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| field.refuse(EXPECTED_TOKEN))
}

fn encoding(field: &Field) -> Result<Encoding, RequestError> {
    match field.value().as_str() {
        Some("float") => Ok(Encoding::Float),
        Some("base64") => Ok(Encoding::Base64),
        _ => Err(field.refuse_word("one of float, base64")),
    }
}

fn dimensions(field: &Field) -> Result<u32, RequestError> {
    field.small_integer(1..=u32::MAX)
}
