//! One layer: attention, then a part that works on each token for itself. Each adds to what there was.

use super::super::shape::Shape;
use super::super::weights::Weights;
use super::attention::Attention;
use super::{Gelu, Linear, Norm};
use anyhow::Result;
use candle_core::Tensor;
use std::ops::Range;

/// The weights of a layer.
#[derive(Debug)]
pub(super) struct Layer {
    attention: Attention,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

impl Layer {
    pub(super) fn take(weights: &Weights<'_>, shape: &Shape, index: usize) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        Ok(Self {
            attention: Attention::take(weights, shape, &name("attention"))?,
            attention_norm: Norm::take(weights, &name("attention.output.LayerNorm"), shape)?,
            up: Linear::take(weights, &name("intermediate.dense"), shape.feed_forward, shape.hidden)?,
            down: Linear::take(weights, &name("output.dense"), shape.hidden, shape.feed_forward)?,
            norm: Norm::take(weights, &name("output.LayerNorm"), shape)?,
        })
    }

    pub(super) fn forward(
        &self,
        rows: &Tensor,
        inputs: &[Range<usize>],
        gelu: &Gelu,
    ) -> candle_core::Result<Tensor> {
        let rows = self.attention_norm.forward(&(rows + self.attention.forward(rows, inputs)?)?)?;
        let fed = self.down.forward(&gelu.forward(&self.up.forward(&rows)?)?)?;
        self.norm.forward(&(rows + fed)?)
    }
}
