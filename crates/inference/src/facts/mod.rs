//! What filters need to know of a request, taken from its body once: in one pass, without a tree, and without keeping
//! the prompt.
//!
//! The first filter that needs them reads them ([`read`]) and hands them on ([`Facts::encode`]), so that a prompt of
//! hundreds of kilobytes is looked through once however many filters go by it.
//!
//! Reading is lenient where servers are: a field of a strange type is as good as absent, of a member that comes twice
//! the last one counts. Only what is no JSON object is an error; whether text that no fact looks at is UTF-8 is not
//! checked. What it does not do: check a request (the inference
//! worker does), count tokens (four bytes are about one), read other forms of body.

mod prompt;
mod scalar;

use std::fmt;
use std::hash::Hasher as _;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use twox_hash::XxHash64;

use prompt::Prompt;
use scalar::Scalar;

const VERSION: u8 = 1;

/// A longer name is no model's.
const LONGEST_NAME: usize = 256;

/// What is known of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The model that is asked for; `None` where there is no name, or one of more than 256 bytes.
    pub model: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The most tokens that the answer may have: `max_completion_tokens`, else `max_tokens`, else `max_output_tokens`.
    pub output_limit: Option<u32>,
    /// Bytes of text in the prompt, without roles and images. About four are a token.
    pub prompt_bytes: u32,
    /// A hash of the beginning of the prompt, roles included; `None` where there is no prompt. The same in every
    /// filter, on every machine.
    pub prefix_hash: Option<u64>,
}

/// Why a body has no facts. Says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Not JSON, or more than one value.
    #[error("not json, at line {line} column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// In bytes, from 0.
        column: usize,
    },
    /// JSON, and no object.
    #[error("not a json object")]
    NotAnObject,
}

/// Reads the facts of a request. `prefix_bytes` is how much of the prompt's text goes into [`Facts::prefix_hash`].
///
/// # Errors
///
/// [`FactsError`] when the body is not one JSON object, or nested more than 128 deep.
pub fn read(body: &[u8], prefix_bytes: usize) -> Result<Facts, FactsError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let facts = json.deserialize_map(Request { prefix_bytes }).and_then(|facts| json.end().map(|()| facts));
    facts.map_err(|error| FactsError::of(&error))
}

impl FactsError {
    /// What an error of a reader is that refuses values of the wrong kind only where an object should be.
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::NotAnObject,
            _ => Self::NotJson { line: error.line(), column: error.column() },
        }
    }
}

impl Facts {
    /// A number for the model's name, for tables that have no room for names; `None` where there is no name. Different
    /// names may share one.
    #[must_use]
    pub fn model_key(&self) -> Option<u32> {
        let mut hasher = XxHash64::with_seed(0);
        hasher.write(self.model.as_ref()?.as_bytes());
        // The upper half is as good as the lower.
        u32::try_from(hasher.finish() >> 32).ok()
    }

    /// The facts as bytes, for the next filter.
    ///
    /// # Errors
    ///
    /// [`RecordError::Damaged`] if they cannot be written, which only a lack of memory brings about.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        record::encode(VERSION, self)
    }

    /// The facts that `bytes` hold.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when a filter of another release wrote them, or none did.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        record::decode(VERSION, bytes)
    }
}

/// Reads the members of the body.
struct Request {
    prefix_bytes: usize,
}

impl<'de> Visitor<'de> for Request {
    type Value = Facts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Facts, A::Error> {
        let mut facts = Facts::default();
        let mut limits = [None; 3];
        let mut prompt = Prompt::new(self.prefix_bytes);
        while let Some(name) = members.next_key::<Name>()? {
            match name {
                Name::Model => facts.model = members.next_value::<Scalar>()?.text(LONGEST_NAME),
                Name::Stream => facts.stream = matches!(members.next_value()?, Scalar::Bool(true)),
                Name::Limit(rank) => {
                    if let Some(limit) = limits.get_mut(rank) {
                        *limit = members.next_value::<Scalar>()?.count();
                    }
                }
                Name::Prompt => members.next_value_seed(prompt.text())?,
                Name::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        facts.output_limit = limits.into_iter().flatten().next();
        facts.prompt_bytes = prompt.bytes();
        facts.prefix_hash = prompt.hash();
        Ok(facts)
    }
}

/// The name of a member, as far as it matters.
enum Name {
    Model,
    Stream,
    /// A limit of the output, by how much it counts.
    Limit(usize),
    Prompt,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl Visitor<'_> for Names {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "model" => Name::Model,
                    "stream" => Name::Stream,
                    "max_completion_tokens" => Name::Limit(0),
                    "max_tokens" => Name::Limit(1),
                    "max_output_tokens" => Name::Limit(2),
                    "messages" | "prompt" | "input" | "system" | "instructions" => Name::Prompt,
                    _ => Name::Other,
                })
            }
        }

        deserializer.deserialize_identifier(Names)
    }
}

#[cfg(test)]
mod tests;
