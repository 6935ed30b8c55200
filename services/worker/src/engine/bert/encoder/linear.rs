//! Products with weights.

use super::super::weights::Weights;
use anyhow::Result;
use candle_core::Tensor;

/// A product with weights, and a number added to each output.
#[derive(Debug)]
pub(super) struct Linear {
    /// A row for each output.
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Of `inputs` numbers it makes `outputs`.
    pub(super) fn take(weights: &Weights<'_>, name: &str, outputs: usize, inputs: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.take(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: weights.take(&format!("{name}.bias"), &[outputs])?,
        })
    }

    /// Several with the same inputs as one: its outputs are theirs, one after the other.
    pub(super) fn joined(parts: &[Self]) -> Result<Self> {
        let weights: Vec<_> = parts.iter().map(|part| &part.weight).collect();
        let biases: Vec<_> = parts.iter().map(|part| &part.bias).collect();
        Ok(Self { weight: Tensor::cat(&weights, 0)?, bias: Tensor::cat(&biases, 0)? })
    }

    /// A row of outputs for each row.
    pub(super) fn forward(&self, rows: &Tensor) -> candle_core::Result<Tensor> {
        rows.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}
