//! Why a request body was refused.
//!
//! Each error names the field, says what was expected and what came. What came is described, not repeated: numbers
//! and short words as they are, texts by their size only, so that no prompt gets into an error, and through an error
//! into a log.

use serde_json::Value;

/// The longest word that an error repeats, in bytes.
const WORD_BYTES: usize = 32;

/// A request body that cannot be served. Its `Display` is meant for the client that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is not JSON.
    #[error("the body is not valid JSON: {reason}")]
    Syntax {
        /// What is wrong and where (line and column), without the text itself.
        reason: String,
    },
    /// A field that must be there is not.
    #[error("{param}: required, expected {expected}")]
    Missing {
        /// The path of the field, such as `messages[1].role`.
        param: String,
        /// What belongs there.
        expected: String,
    },
    /// A field has a value that cannot be taken.
    #[error("{param}: expected {expected}, got {got}")]
    Value {
        /// The path of the field, such as `messages[1].role`.
        param: String,
        /// What belongs there, with its range.
        expected: String,
        /// What came, described.
        got: String,
    },
    /// A field asks for something that is not served; leaving it out would change what the answer means.
    #[error("{param}: not supported, leave it out or set it to {neutral}")]
    Unsupported {
        /// The name of the field.
        param: &'static str,
        /// The value that asks for nothing.
        neutral: &'static str,
    },
}

impl RequestError {
    /// The path of the field, where the error is about one.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Syntax { .. } => None,
            Self::Missing { param, .. } | Self::Value { param, .. } => Some(param),
            Self::Unsupported { param, .. } => Some(param),
        }
    }
}

/// A value in a few words, texts by their size.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::String(text) => format!("a string of {} bytes", text.len()),
        Value::Array(items) if items.is_empty() => "an empty array".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The same for a field whose values are words of a known list: a short word is repeated.
pub(super) fn describe_word(value: &Value) -> String {
    match value {
        Value::String(word) if !word.is_empty() && word.len() <= WORD_BYTES => format!("{word:?}"),
        other => describe(other),
    }
}
