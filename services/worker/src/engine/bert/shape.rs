//! The sizes of a model.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// Far more than any model has. Memory is laid out by what a file says before it is known whether that is true.
const MOST_WIDE: u64 = 1 << 16;
const MOST_LAYERS: u64 = 1 << 10;
const MOST_WORDS: u64 = 1 << 24;

/// The sizes of a model, checked against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Tokens that there are.
    pub(super) vocabulary: usize,
    /// Places in a text.
    pub(super) positions: usize,
    /// Kinds of sentences, of which only the first is used.
    pub(super) kinds: usize,
    pub(super) hidden: usize,
    pub(super) feed_forward: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) epsilon: f32,
}

impl Shape {
    /// What the model's `config.json` says.
    pub(super) fn new(config: &Map<String, Value>) -> Result<Self> {
        let word = |key: &str, expected: &str, absent: bool| match config.get(key).and_then(Value::as_str) {
            Some(word) if word == expected => Ok(()),
            Some(other) => bail!("{key}: expected {expected:?}, got {other:?}"),
            None if absent && config.get(key).is_none_or(Value::is_null) => Ok(()),
            None => bail!("{key}: expected {expected:?}, got none"),
        };
        word("model_type", "bert", false)?;
        word("hidden_act", "gelu", false)?;
        word("position_embedding_type", "absolute", true)?;
        let count = |key: &str, most: u64| count(config, key, most);
        let (hidden, heads) = (count("hidden_size", MOST_WIDE)?, count("num_attention_heads", MOST_WIDE)?);
        ensure!(
            hidden.is_multiple_of(heads),
            "{hidden} numbers of hidden_size cannot be shared by {heads} heads"
        );
        let epsilon = config
            .get("layer_norm_eps")
            .and_then(Value::as_f64)
            .context("layer_norm_eps: expected a number")?;
        ensure!(
            epsilon > 0.0 && epsilon < 1.0,
            "layer_norm_eps: expected a number between 0 and 1, got {epsilon}"
        );
        Ok(Self {
            vocabulary: count("vocab_size", MOST_WORDS)?,
            positions: count("max_position_embeddings", MOST_WIDE)?,
            kinds: count("type_vocab_size", MOST_WIDE)?,
            hidden,
            feed_forward: count("intermediate_size", MOST_WIDE)?,
            layers: count("num_hidden_layers", MOST_LAYERS)?,
            heads,
            epsilon: epsilon as f32,
        })
    }

    /// What the weights take in memory.
    pub(super) fn weights_bytes(&self) -> u64 {
        let Self { vocabulary, positions, hidden, feed_forward, layers, .. } = *self;
        let [vocabulary, positions, hidden, feed_forward, layers] =
            [vocabulary, positions, hidden, feed_forward, layers].map(|size| size as u64);
        let attention = 4 * (hidden * hidden + hidden);
        let feeding = 2 * hidden * feed_forward + feed_forward + hidden;
        let norm = 2 * hidden;
        let numbers = (vocabulary + positions) * hidden + norm + layers * (attention + feeding + 2 * norm);
        numbers * size_of::<f32>() as u64
    }
}

/// A number from 1 to `most`.
pub(super) fn count(config: &Map<String, Value>, key: &str, most: u64) -> Result<usize> {
    let value = config.get(key).with_context(|| format!("{key}: expected a number, got none"))?;
    let number = value.as_u64().filter(|number| (1..=most).contains(number));
    let number = number.with_context(|| format!("{key}: expected 1 to {most}, got {value}"))?;
    Ok(usize::try_from(number)?)
}
