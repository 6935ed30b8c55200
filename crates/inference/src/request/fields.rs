//! Typed access to a JSON object, with the path of each field in its errors.
//!
//! Fields are taken out, so that a long prompt is moved, not copied. `null` counts as absent: clients send it for
//! what they leave to the server.

use super::error::{RequestError, describe, describe_word};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

type Result<T> = std::result::Result<T, RequestError>;

/// An object whose fields are being taken.
pub(super) struct Fields {
    path: String,
    map: Map<String, Value>,
}

/// What is wrong where a number is too large for 64 bits: the parser says where it stands, this says in which field.
fn too_large(body: &[u8]) -> Option<RequestError> {
    /// Longer names and numbers are not repeated.
    const LONGEST: usize = 32;
    // Numbers are not read here.
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let wrong = |written: &&RawValue| serde_json::from_str::<Value>(written.get()).is_err();
    let (param, written) =
        members.into_iter().find(|(name, written)| name.len() <= LONGEST && wrong(written))?;
    let written = written.get();
    let is_number = written.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let got = if is_number && written.len() <= LONGEST { written } else { "a larger one" };
    let expected = "numbers that 64 bits can hold".to_owned();
    Some(RequestError::Value { param, expected, got: got.to_owned() })
}

/// A value and where it stood.
pub(super) struct Field {
    path: String,
    value: Value,
}

impl Fields {
    /// The object that a body consists of.
    pub(super) fn of_body(body: &[u8]) -> Result<Self> {
        let value = serde_json::from_slice(body).map_err(|error| {
            too_large(body).unwrap_or_else(|| RequestError::Syntax { reason: error.to_string() })
        })?;
        match value {
            Value::Object(map) => Ok(Self { path: String::new(), map }),
            other => Err(RequestError::Value {
                param: "the body".to_owned(),
                expected: "a JSON object".to_owned(),
                got: describe(&other),
            }),
        }
    }

    /// A field that may be absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Field> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        Some(Field { path: self.path_of(name), value })
    }

    /// A field that must be there.
    pub(super) fn require(&mut self, name: &str, expected: &str) -> Result<Field> {
        self.take(name)
            .ok_or_else(|| RequestError::Missing { param: self.path_of(name), expected: expected.to_owned() })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl Field {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn into_value(self) -> Value {
        self.value
    }

    /// The error that this field is not what was expected.
    pub(super) fn refuse(&self, expected: impl Into<String>) -> RequestError {
        RequestError::Value {
            param: self.path.clone(),
            expected: expected.into(),
            got: describe(&self.value),
        }
    }

    /// The same, for a word of a known list.
    pub(super) fn refuse_word(&self, expected: impl Into<String>) -> RequestError {
        RequestError::Value {
            param: self.path.clone(),
            expected: expected.into(),
            got: describe_word(&self.value),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.refuse("true or false"))
    }

    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64> {
        self.value
            .as_u64()
            .filter(|value| range.contains(value))
            .ok_or_else(|| self.refuse(format!("an integer from {} to {}", range.start(), range.end())))
    }

    /// An integer of a range that is known to fit.
    pub(super) fn small_integer(&self, range: RangeInclusive<u32>) -> Result<u32> {
        let value = self.integer(u64::from(*range.start())..=u64::from(*range.end()))?;
        Ok(u32::try_from(value).unwrap_or(*range.end()))
    }

    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Result<f64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.number_if(|value| range.contains(&value), &expected)
    }

    pub(super) fn number_if(&self, is_one: impl FnOnce(f64) -> bool, expected: &str) -> Result<f64> {
        let number = self.value.as_f64();
        number.filter(|value| is_one(*value)).ok_or_else(|| self.refuse(expected))
    }

    pub(super) fn text(self, expected: &str) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.refuse(expected)),
        }
    }

    pub(super) fn object(self, expected: &str) -> Result<Fields> {
        match self.value {
            Value::Object(map) => Ok(Fields { path: self.path, map }),
            _ => Err(self.refuse(expected)),
        }
    }

    /// The items of an array, each with its index in its path.
    pub(super) fn items(self, expected: &str) -> Result<impl Iterator<Item = Field>> {
        let Self { path, value } = self;
        match value {
            Value::Array(items) => Ok(items
                .into_iter()
                .enumerate()
                .map(move |(index, value)| Field { path: format!("{path}[{index}]"), value })),
            other => Err(Field { path, value: other }.refuse(expected)),
        }
    }
}
