//! One layer: attention over what the device remembers, then the feed-forward part.

use super::product;
use super::step::{Group, Step};
use crate::engine::model::llama::Shape;
use crate::engine::model::llama::norm::Norm;
use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::quantized::QMatMul;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::ops::softmax_last_dim;

#[derive(Debug)]
pub(super) struct Layer {
    attention_norm: Norm,
    query: QMatMul,
    key: QMatMul,
    value: QMatMul,
    attention_output: QMatMul,
    feed_forward_norm: Norm,
    gate: QMatMul,
    up: QMatMul,
    down: QMatMul,
    /// Tokens of all pages × heads that are asked · head size.
    keys: Tensor,
    values: Tensor,
    /// Heads that ask.
    asking: usize,
    /// Heads that are asked.
    asked: usize,
    head_size: usize,
}

impl Layer {
    /// With memory for so many tokens.
    pub(super) fn take(
        weights: &mut Weights,
        shape: &Shape,
        index: usize,
        tokens: usize,
        device: &Device,
    ) -> Result<Self> {
        let Shape { hidden, feed_forward, epsilon, heads: asking, kv_heads: asked, head_size, .. } = *shape;
        let width = asked * head_size;
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let mut matrix = |part: &str, rows, columns| {
            anyhow::Ok(product(&weights.matrix(&name(part), rows, columns)?, device)?)
        };
        let [query, attention_output] =
            [matrix("attn_q", hidden, hidden)?, matrix("attn_output", hidden, hidden)?];
        let [key, value] = [matrix("attn_k", width, hidden)?, matrix("attn_v", width, hidden)?];
        let [gate, up] = [matrix("ffn_gate", feed_forward, hidden)?, matrix("ffn_up", feed_forward, hidden)?];
        let down = matrix("ffn_down", hidden, feed_forward)?;
        Ok(Self {
            attention_norm: Norm::take(weights, &name("attn_norm"), epsilon, device)?,
            feed_forward_norm: Norm::take(weights, &name("ffn_norm"), epsilon, device)?,
            keys: Tensor::zeros((tokens, width), DType::F16, device)?,
            values: Tensor::zeros((tokens, width), DType::F16, device)?,
            query,
            key,
            value,
            attention_output,
            gate,
            up,
            down,
            asking,
            asked,
            head_size,
        })
    }

    /// `x` has a row for each token of the step.
    pub(super) fn forward(&self, x: &Tensor, step: &Step) -> candle_core::Result<Tensor> {
        let x = (x + self.attend(&self.attention_norm.forward(x)?, step)?)?;
        let normed = self.feed_forward_norm.forward(&x)?;
        let gated = (self.gate.forward(&normed)?.silu()? * self.up.forward(&normed)?)?;
        x + self.down.forward(&gated)?
    }

    fn attend(&self, x: &Tensor, step: &Step) -> candle_core::Result<Tensor> {
        let query = step.positions.turn(&self.heads(&self.query.forward(x)?, self.asking)?)?;
        let key = step.positions.turn(&self.heads(&self.key.forward(x)?, self.asked)?)?;
        let key = key.transpose(1, 2)?.reshape((x.dim(0)?, self.asked * self.head_size))?;
        self.keys.scatter_set(&step.places, &key.to_dtype(DType::F16)?, 0)?;
        let value = self.value.forward(x)?.to_dtype(DType::F16)?;
        self.values.scatter_set(&step.places, &value, 0)?;
        let query = query.squeeze(0)?;
        let seen: Vec<_> =
            step.groups.iter().map(|group| self.see(&query, group)).collect::<candle_core::Result<_>>()?;
        self.attention_output.forward(&Tensor::cat(&seen, 0)?)
    }

    /// Rows of tokens to 1 × heads × tokens × head size.
    fn heads(&self, rows: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
        rows.reshape((1, rows.dim(0)?, heads, self.head_size))?.transpose(1, 2)?.contiguous()
    }

    /// What the texts of a group see of what came before: a row for each of their tokens. `query` is heads × tokens × head
    /// size.
    fn see(&self, query: &Tensor, group: &Group) -> candle_core::Result<Tensor> {
        let Self { asking, asked, head_size, .. } = *self;
        let Group { texts, rows, length, .. } = *group;
        // The heads that share keys and values stand below each other: one product for all of them.
        let shared = asking / asked * rows;
        let query = query
            .narrow(1, group.first, texts * rows)?
            .reshape((asking, texts, rows, head_size))?
            .transpose(0, 1)?
            .reshape((texts, asked, shared, head_size))?;
        let gather = |memory: &Tensor| {
            let rows = memory.index_select(&group.seen, 0)?.to_dtype(DType::F32)?;
            rows.reshape((texts, length, asked, head_size))?.transpose(1, 2)?.contiguous()
        };
        let scores = query.matmul(&gather(&self.keys)?.transpose(2, 3)?)?;
        let scores = (scores.reshape((texts, asking, rows, length))? * (head_size as f64).sqrt().recip())?;
        let shares = softmax_last_dim(&scores.broadcast_add(&group.mask)?)?;
        let mixed = shares.reshape((texts, asked, shared, length))?.matmul(&gather(&self.values)?)?;
        mixed
            .reshape((texts, asking, rows, head_size))?
            .transpose(1, 2)?
            .reshape((texts * rows, asking * head_size))
    }
}
