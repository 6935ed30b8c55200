//! How the tokens of an input look at each other.

use super::super::shape::Shape;
use super::super::weights::Weights;
use super::Linear;
use anyhow::Result;
use candle_core::{IndexOp, Tensor};
use candle_nn::ops::softmax_last_dim;
use std::ops::Range;

/// Each token takes of the others as much as its query fits their keys.
#[derive(Debug)]
pub(super) struct Attention {
    /// Queries, keys and values beside each other.
    query_key_value: Linear,
    output: Linear,
    heads: usize,
    head_size: usize,
}

impl Attention {
    pub(super) fn take(weights: &Weights<'_>, shape: &Shape, name: &str) -> Result<Self> {
        let part = |part: &str| Linear::take(weights, &format!("{name}.{part}"), shape.hidden, shape.hidden);
        Ok(Self {
            query_key_value: Linear::joined(&[part("self.query")?, part("self.key")?, part("self.value")?])?,
            output: part("output.dense")?,
            heads: shape.heads,
            head_size: shape.hidden / shape.heads,
        })
    }

    /// `inputs` says which rows belong together.
    pub(super) fn forward(&self, rows: &Tensor, inputs: &[Range<usize>]) -> candle_core::Result<Tensor> {
        let all = self.query_key_value.forward(rows)?;
        let mixed = inputs.iter().map(|at| self.within(&all.narrow(0, at.start, at.len())?));
        let mixed = mixed.collect::<candle_core::Result<Vec<_>>>()?;
        self.output.forward(&Tensor::cat(&mixed, 0)?)
    }

    /// The same for the rows of one input.
    fn within(&self, rows: &Tensor) -> candle_core::Result<Tensor> {
        let Self { heads, head_size, .. } = *self;
        let count = rows.dim(0)?;
        // Queries, keys and values; for each head; a row for each token.
        let parts = rows.reshape((count, 3, heads, head_size))?.permute((1, 2, 0, 3))?.contiguous()?;
        let (query, key, value) = (parts.i(0)?, parts.i(1)?, parts.i(2)?);
        let scale = (head_size as f64).sqrt().recip();
        let shares = softmax_last_dim(&(query.matmul(&key.transpose(1, 2)?)? * scale)?)?;
        shares.matmul(&value)?.transpose(0, 1)?.reshape((count, heads * head_size))
    }
}
