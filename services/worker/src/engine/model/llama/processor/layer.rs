//! One layer: attention, then the feed-forward part, each added to what came in.

use super::attention::Attention;
use super::matrix::{Input, Matrix};
use crate::engine::model::kv;
use crate::engine::model::llama::Shape;
use crate::engine::model::llama::norm::Norm;
use crate::engine::model::llama::rope::Positions;
use crate::engine::model::llama::span::Row;
use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::{Device, Tensor};

#[derive(Debug)]
pub(super) struct Layer {
    attention_norm: Norm,
    attention: Attention,
    feed_forward_norm: Norm,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

impl Layer {
    pub(super) fn take(weights: &mut Weights, shape: &Shape, index: usize) -> Result<Self> {
        let Shape { hidden, feed_forward, epsilon, .. } = *shape;
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let mut matrix = |part: &str, rows, columns| {
            anyhow::Ok(Matrix::new(weights.matrix(&name(part), rows, columns)?.into())?)
        };
        let gate = matrix("ffn_gate", feed_forward, hidden)?;
        let up = matrix("ffn_up", feed_forward, hidden)?;
        let down = matrix("ffn_down", hidden, feed_forward)?;
        Ok(Self {
            attention_norm: Norm::take(weights, &name("attn_norm"), epsilon, &Device::Cpu)?,
            attention: Attention::take(weights, shape, index)?,
            feed_forward_norm: Norm::take(weights, &name("ffn_norm"), epsilon, &Device::Cpu)?,
            gate,
            up,
            down,
        })
    }

    /// `x` has a row for each token.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        positions: &Positions,
        rows: &[Row<'_>],
        memory: &mut kv::Layer,
    ) -> candle_core::Result<Tensor> {
        let x = (x + self.attention.forward(&self.attention_norm.forward(x)?, positions, rows, memory)?)?;
        let normed = self.feed_forward_norm.forward(&x)?;
        let input = Input::new(&normed);
        let gated = (self.gate.forward(&input)?.silu()? * self.up.forward(&input)?)?;
        x + self.down.forward(&Input::new(&gated))?
    }
}
