//! The sizes of a model.

use super::super::kv::Sizes;
use super::super::metadata::Metadata;
use anyhow::{Result, ensure};

/// Far more than any model has. Memory is laid out by what a file says before it is known whether that is true.
const MOST_CONTEXT: usize = 1 << 20;
const MOST_WIDE: usize = 1 << 20;
const MOST_LAYERS: usize = 1 << 12;

/// The sizes of a model, checked against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Shape {
    pub(in super::super) vocabulary: usize,
    /// The longest text that the model can see, in tokens.
    pub(in super::super) context: usize,
    pub(super) hidden: usize,
    pub(super) feed_forward: usize,
    pub(super) layers: usize,
    /// Heads that ask.
    pub(super) heads: usize,
    /// Heads that are asked; each serves the same number of those that ask.
    pub(super) kv_heads: usize,
    pub(super) head_size: usize,
    pub(super) epsilon: f32,
    pub(super) rope_base: f32,
}

impl Shape {
    /// What a token takes in memory.
    pub(in super::super) const fn kv_sizes(&self) -> Sizes {
        Sizes { layers: self.layers, heads: self.kv_heads, head_size: self.head_size }
    }

    /// What the file says, for a vocabulary of that size.
    pub(in super::super) fn new(metadata: &Metadata, vocabulary: usize) -> Result<Self> {
        let architecture = metadata.text("general.architecture")?;
        ensure!(
            architecture == "llama",
            "of the architectures only \"llama\" is served, got {architecture:?}"
        );
        let count = |key: &str, most: usize| {
            let count = metadata.count(key)?;
            ensure!((1..=most).contains(&count), "{key}: expected 1 to {most}, got {count}");
            Ok(count)
        };
        let hidden = count("llama.embedding_length", MOST_WIDE)?;
        let heads = metadata.count("llama.attention.head_count")?;
        let kv_heads = metadata.count("llama.attention.head_count_kv").unwrap_or(heads);
        ensure!(heads > 0 && hidden.is_multiple_of(heads), "{hidden} cannot be shared by {heads} heads");
        ensure!(kv_heads > 0 && heads.is_multiple_of(kv_heads), "{heads} heads cannot share {kv_heads}");
        let head_size = hidden / heads;
        let rotated = metadata.count("llama.rope.dimension_count").unwrap_or(head_size);
        ensure!(
            rotated == head_size && head_size.is_multiple_of(2),
            "heads of {head_size} rotate by {rotated}"
        );
        let positive = |key: &str, default: Option<f32>| {
            let value = metadata.real(key).or_else(|error| default.ok_or(error))?;
            ensure!(value > 0.0 && value.is_finite(), "{key}: expected a number above 0, got {value}");
            Ok(value)
        };
        Ok(Self {
            vocabulary,
            context: count("llama.context_length", MOST_CONTEXT)?,
            hidden,
            feed_forward: count("llama.feed_forward_length", MOST_WIDE)?,
            layers: count("llama.block_count", MOST_LAYERS)?,
            heads,
            kv_heads,
            head_size,
            epsilon: positive("llama.attention.layer_norm_rms_epsilon", None)?,
            rope_base: positive("llama.rope.freq_base", Some(10_000.0))?,
        })
    }
}
