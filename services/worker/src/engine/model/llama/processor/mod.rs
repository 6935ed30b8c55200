//! The forward pass on this processor: products and attention of our own where they are faster (decision record 16).
//!
//! What comes out for a text does not depend on the others, bit for bit: no step of the calculation adds up numbers of
//! different rows.

mod attention;
mod layer;
mod matrix;
mod mix;
mod parallel;
mod product;
mod shares;

pub(super) use matrix::forms as matrix_forms;

use super::norm::Norm;
use super::rope::Rope;
use super::{Shape, Span};
use crate::engine::model::kv::Memory;
use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use layer::Layer;
use matrix::{Input, Matrix};
use std::sync::Arc;

/// A model in the forms that this processor is fast at, with what it remembers.
#[derive(Debug)]
pub(super) struct Processor {
    embeddings: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Norm,
    output: Matrix,
    rope: Rope,
    memory: Memory,
}

impl Processor {
    pub(super) fn take(weights: &mut Weights, shape: &Shape, pages: u32) -> Result<Self> {
        let embeddings = Arc::new(weights.matrix("token_embd.weight", shape.vocabulary, shape.hidden)?);
        // Without an output matrix of its own a model scores with its embeddings.
        let output = weights.take_optional("output.weight").map_or_else(|| Arc::clone(&embeddings), Arc::new);
        let layers = (0..shape.layers).map(|index| Layer::take(weights, shape, index));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            norm: Norm::take(weights, "output_norm.weight", shape.epsilon, &Device::Cpu)?,
            output: Matrix::new(output)?,
            rope: Rope::new(shape, &Device::Cpu)?,
            memory: Memory::new(shape.kv_sizes(), pages),
            embeddings,
        })
    }

    pub(super) fn forward(&mut self, spans: &[Span<'_>]) -> candle_core::Result<Vec<Vec<f32>>> {
        let tokens: Vec<u32> = spans.iter().flat_map(|span| span.tokens).copied().collect();
        let rows: Vec<_> = spans.iter().flat_map(|span| span.rows()).collect();
        let positions = self.rope.at(rows.iter().map(|row| row.position))?;
        let mut x = self.embeddings.embedding(&Tensor::new(tokens.as_slice(), &Device::Cpu)?)?;
        for (layer, memory) in self.layers.iter().zip(self.memory.layers()) {
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
