//! The answer of `/v1/embeddings`.

use crate::request::Encoding;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

/// The vectors of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingAnswer<'a> {
    /// The model that answered.
    pub model: &'a str,
    /// A vector for each input, in order. All numbers are finite: JSON has no others.
    pub vectors: &'a [Vec<f32>],
    /// How they are written.
    pub encoding: Encoding,
    /// Tokens of all inputs together.
    pub prompt_tokens: u32,
}

#[derive(Serialize)]
struct Wire<'a> {
    object: &'static str,
    data: Data<'a>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

/// Nothing is generated, so there are no other tokens than those of the prompt.
#[derive(Serialize)]
struct Usage {
    prompt_tokens: u32,
    total_tokens: u32,
}

/// The items, one after the other: no list of them is made.
struct Data<'a>(&'a [Vec<f32>], Encoding);

/// One vector in its encoding.
struct Vector<'a>(&'a [f32], Encoding);

impl Serialize for EmbeddingAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let usage = Usage { prompt_tokens: self.prompt_tokens, total_tokens: self.prompt_tokens };
        let data = Data(self.vectors, self.encoding);
        Wire { object: "list", data, model: self.model, usage }.serialize(serializer)
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(vectors, encoding) = self;
        let items = vectors.iter().enumerate().map(|(index, vector)| Item {
            object: "embedding",
            index,
            embedding: Vector(vector, *encoding),
        });
        serializer.collect_seq(items)
    }
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Encoding::Float => self.0.serialize(serializer),
            Encoding::Base64 => {
                let bytes: Vec<u8> = self.0.iter().flat_map(|number| number.to_le_bytes()).collect();
                serializer.serialize_str(&STANDARD.encode(bytes))
            }
        }
    }
}
