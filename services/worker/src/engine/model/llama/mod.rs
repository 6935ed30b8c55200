//! The forward pass of a Llama model: tokens in, a score for each possible next token out.
//!
//! As published by Touvron et al. 2023: root mean square norms before each part, rotary positions, grouped attention
//! and a gated feed-forward part. Activations are 32-bit floats, weights are what the file holds.

mod attention;
mod cache;
mod layer;
mod matrix;
mod rope;
mod shape;

pub(super) use cache::Cache;
pub(super) use shape::Shape;

use super::weights::Weights;
use anyhow::Result;
use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use layer::Layer;
use matrix::Matrix;
use rope::Rope;
use std::sync::Arc;

/// A model, ready to compute.
#[derive(Debug)]
pub(super) struct Llama {
    embeddings: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Norm,
    output: Matrix,
    rope: Rope,
}

/// Divides by the root mean square and multiplies with a weight each.
#[derive(Debug)]
struct Norm {
    weight: Tensor,
    epsilon: f32,
}

impl Norm {
    fn take(weights: &mut Weights, name: &str, epsilon: f32) -> Result<Self> {
        Ok(Self { weight: weights.take(name)?.dequantize(&Device::Cpu)?, epsilon })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        candle_nn::ops::rms_norm(x, &self.weight, self.epsilon)
    }
}

impl Llama {
    /// Takes a model of this shape out of its weights.
    pub(super) fn take(weights: &mut Weights, shape: &Shape) -> Result<Self> {
        let embeddings = Arc::new(weights.matrix("token_embd.weight", shape.vocabulary, shape.hidden)?);
        // Without an output matrix of its own a model scores with its embeddings.
        let output = weights.take_optional("output.weight").map_or_else(|| Arc::clone(&embeddings), Arc::new);
        let layers = (0..shape.layers).map(|index| Layer::take(weights, shape, index));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            norm: Norm::take(weights, "output_norm.weight", shape.epsilon)?,
            output: Matrix::new(output)?,
            rope: Rope::new(shape)?,
            embeddings,
        })
    }

    /// Adds `tokens` to what the cache holds and gives the scores of what may follow the last of them. `tokens` is
    /// not empty, and all of them fit into the model's context.
    pub(super) fn forward(&self, tokens: &[u32], cache: &mut Cache) -> candle_core::Result<Vec<f32>> {
        let positions = self.rope.at(cache.tokens(), tokens.len())?;
        let mut x = self.embeddings.embedding(&Tensor::new(tokens, &Device::Cpu)?)?;
        for (layer, cache) in self.layers.iter().zip(cache.layers()) {
            x = layer.forward(&x, &positions, cache)?;
        }
        cache.advance(tokens.len());
        let last = x.narrow(0, tokens.len().saturating_sub(1), 1)?.contiguous()?;
        self.output.forward(&self.norm.forward(&last)?)?.flatten_all()?.to_vec1()
    }
}
