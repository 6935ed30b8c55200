//! How likely tokens were, in the two shapes that the APIs have for it.
//!
//! A token can be part of a character, so what it stands for are bytes. Where they are no UTF-8 the token is written
//! with an escape for each byte, as OpenAI does: `\xc3` in a chat, `bytes:\xc3` in a completion.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;

/// What is written for a probability that has no logarithm, or next to none. JSON has no infinity.
const LEAST: f32 = -9999.0;

/// A place in an answer: the token that came there, and which were the likeliest.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprobs {
    /// The token that came.
    pub token: Candidate,
    /// The likeliest ones, in order; as many as were asked for.
    pub top: Vec<Candidate>,
    /// How many characters of the answer stand before it.
    pub text_offset: usize,
}

/// A token, and how likely it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it is.
    pub token: Token,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A piece of text, which may begin or end in the middle of a character.
    Text(Vec<u8>),
    /// One that steers the model and stands for no text, by its name.
    Control(String),
}

impl Token {
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(bytes) => Some(bytes),
            Self::Control(_) => None,
        }
    }

    /// In letters; `prefix` stands before escapes.
    fn written(&self, prefix: &str) -> String {
        match self {
            Self::Control(name) => name.clone(),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.iter().fold(prefix.to_owned(), |text, byte| text + &format!("\\x{byte:02x}")),
            },
        }
    }
}

impl Candidate {
    fn logprob(&self) -> f32 {
        self.logprob.max(LEAST)
    }
}

/// `logprobs` of a choice in a chat.
#[derive(Serialize)]
pub(super) struct ChatLogprobs<'a> {
    content: Places<'a>,
    refusal: (),
}

impl<'a> ChatLogprobs<'a> {
    pub(super) fn of(places: &'a [TokenLogprobs]) -> Self {
        Self { content: Places(places), refusal: () }
    }
}

struct Places<'a>(&'a [TokenLogprobs]);

impl Serialize for Places<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|place| ChatToken::of(&place.token, Some(&place.top))))
    }
}

#[derive(Serialize)]
struct ChatToken<'a> {
    token: String,
    logprob: f32,
    bytes: Option<&'a [u8]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<Vec<ChatToken<'a>>>,
}

impl<'a> ChatToken<'a> {
    fn of(candidate: &'a Candidate, top: Option<&'a [Candidate]>) -> Self {
        Self {
            token: candidate.token.written(""),
            logprob: candidate.logprob(),
            bytes: candidate.token.bytes(),
            top_logprobs: top.map(|top| top.iter().map(|other| Self::of(other, None)).collect()),
        }
    }
}

/// `logprobs` of a choice in a completion.
pub(super) struct CompletionLogprobs<'a>(pub(super) &'a [TokenLogprobs]);

impl Serialize for CompletionLogprobs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(places) = self;
        let mut map = serializer.serialize_map(Some(4))?;
        let written: Vec<_> = places.iter().map(|place| place.token.token.written(BYTES)).collect();
        map.serialize_entry("tokens", &written)?;
        let logprobs: Vec<_> = places.iter().map(|place| place.token.logprob()).collect();
        map.serialize_entry("token_logprobs", &logprobs)?;
        map.serialize_entry("top_logprobs", &Tops(places))?;
        let offsets: Vec<_> = places.iter().map(|place| place.text_offset).collect();
        map.serialize_entry("text_offset", &offsets)?;
        map.end()
    }
}

/// What a completion writes before escapes.
const BYTES: &str = "bytes:";

struct Tops<'a>(&'a [TokenLogprobs]);

impl Serialize for Tops<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tops = serializer.serialize_seq(Some(self.0.len()))?;
        for place in self.0 {
            tops.serialize_element(&Top(place))?;
        }
        tops.end()
    }
}

/// The likeliest tokens and the one that came, each name once.
struct Top<'a>(&'a TokenLogprobs);

impl Serialize for Top<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut named = BTreeSet::new();
        for candidate in self.0.top.iter().chain([&self.0.token]) {
            let name = candidate.token.written(BYTES);
            if named.insert(name.clone()) {
                map.serialize_entry(&name, &candidate.logprob())?;
            }
        }
        map.end()
    }
}
