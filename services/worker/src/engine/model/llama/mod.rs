//! The forward pass of a Llama model: the next tokens of several texts in, a score for each token that may follow out.
//!
//! As published by Touvron et al. 2023: root mean square norms before each part, rotary positions, grouped attention
//! and a gated feed-forward part. Activations are 32-bit floats, weights are what the file holds.

mod attention;
mod layer;
mod matrix;
mod mix;
mod parallel;
mod product;
mod rope;
mod shape;
mod span;

pub(super) use matrix::forms as matrix_forms;
pub(super) use shape::Shape;
pub(super) use span::Span;

use super::kv::Memory;
use super::weights::Weights;
use anyhow::Result;
use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use layer::Layer;
use matrix::{Input, Matrix};
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

    /// Reads the next tokens of several texts, none of them twice and all of them within the model's context. For each span
    /// that wants them, in order: the scores of what may follow its last token.
    ///
    /// What comes out for a text does not depend on the others: no step of the calculation adds up numbers of different
    /// rows.
    pub(super) fn forward(
        &self,
        spans: &[Span<'_>],
        memory: &mut Memory,
    ) -> candle_core::Result<Vec<Vec<f32>>> {
        let tokens: Vec<u32> = spans.iter().flat_map(|span| span.tokens).copied().collect();
        let rows: Vec<_> = spans.iter().flat_map(|span| span.rows()).collect();
        let positions = self.rope.at(rows.iter().map(|row| row.position))?;
        let mut x = self.embeddings.embedding(&Tensor::new(tokens.as_slice(), &Device::Cpu)?)?;
        for (layer, memory) in self.layers.iter().zip(memory.layers()) {
            x = layer.forward(&x, &positions, &rows, memory)?;
        }
        let wanted = last_rows(spans);
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let last = x.index_select(&Tensor::new(wanted.as_slice(), &Device::Cpu)?, 0)?;
        self.output.forward(&Input::new(&self.norm.forward(&last)?))?.to_vec2()
    }
}

/// The number of the last row of each span that wants scores.
fn last_rows(spans: &[Span<'_>]) -> Vec<u32> {
    let ends = spans.iter().scan(0_usize, |end, span| {
        *end += span.tokens.len();
        Some((span.wants_scores, *end))
    });
    let wanted = ends.filter(|(wants, _)| *wants).map(|(_, end)| u32::try_from(end.saturating_sub(1)));
    wanted.filter_map(Result::ok).collect()
}
