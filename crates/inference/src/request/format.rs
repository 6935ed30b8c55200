//! The form that an answer is to have.

use super::error::RequestError;
use super::fields::{Field, Fields};
use serde_json::Value;

/// The form that an answer is to have.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Format {
    /// Any text.
    #[default]
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that keeps to this schema, an object that is not checked any further.
    JsonSchema(Value),
}

/// The longest schema, written without white space, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 32_768;
/// The most objects and arrays of a schema inside of each other.
pub const MAX_SCHEMA_DEPTH: usize = 32;
/// The longest name of a schema, in bytes.
const MAX_NAME_BYTES: usize = 64;

impl Format {
    pub(super) fn take_from(fields: &mut Fields) -> Result<Self, RequestError> {
        let Some(field) = fields.take("response_format") else { return Ok(Self::Text) };
        let mut format = field.object("an object such as {\"type\": \"json_object\"}")?;
        let kind = format.require("type", EXPECTED_TYPE)?;
        match kind.value().as_str() {
            Some("text") => Ok(Self::Text),
            Some("json_object") => Ok(Self::JsonObject),
            Some("json_schema") => {
                const EXPECTED: &str = "an object such as {\"name\": \"...\", \"schema\": {}}";
                schema(format.require("json_schema", EXPECTED)?.object(EXPECTED)?).map(Self::JsonSchema)
            }
            _ => Err(kind.refuse_word(EXPECTED_TYPE)),
        }
    }
}

const EXPECTED_TYPE: &str = "one of text, json_object, json_schema";

/// Whether it is `strict` makes no difference: an answer always keeps to it.
fn schema(mut fields: Fields) -> Result<Value, RequestError> {
    const EXPECTED: &str = "a JSON schema, an object";
    name(&fields.require("name", EXPECTED_NAME)?)?;
    fields.take("strict").map_or(Ok(false), |field| field.boolean())?;
    let schema = fields.require("schema", EXPECTED)?;
    if !schema.value().is_object() {
        return Err(schema.refuse(EXPECTED));
    }
    let too_large = |expected: String, got: usize| RequestError::Value {
        param: schema.path().to_owned(),
        expected,
        got: got.to_string(),
    };
    let depth = depth(schema.value());
    if depth > MAX_SCHEMA_DEPTH {
        let expected = format!("at most {MAX_SCHEMA_DEPTH} objects and arrays inside of each other");
        return Err(too_large(expected, depth));
    }
    let bytes = schema.value().to_string().len();
    if bytes > MAX_SCHEMA_BYTES {
        return Err(too_large(format!("at most {MAX_SCHEMA_BYTES} bytes"), bytes));
    }
    Ok(schema.into_value())
}

/// Bodies are not deeper than their parser allows, which is 128.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

const EXPECTED_NAME: &str = "a name of 1 to 64 letters, digits, _ and -";

fn name(field: &Field) -> Result<(), RequestError> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match field.value().as_str() {
        Some(name) if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_part) => Ok(()),
        _ => Err(field.refuse(EXPECTED_NAME)),
    }
}
