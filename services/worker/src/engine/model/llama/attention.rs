//! Grouped attention (Ainslie et al. 2023): several asking heads share one head of keys and values.

use super::Shape;
use super::matrix::Matrix;
use super::rope::Positions;
use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::Tensor;
use candle_nn::kv_cache::KvCache;
use candle_nn::ops::softmax_last_dim;

#[derive(Debug)]
pub(super) struct Attention {
    query: Matrix,
    key: Matrix,
    value: Matrix,
    output: Matrix,
    heads: usize,
    kv_heads: usize,
    head_size: usize,
}

impl Attention {
    pub(super) fn take(weights: &mut Weights, shape: &Shape, index: usize) -> Result<Self> {
        let Shape { hidden, heads, kv_heads, head_size, .. } = *shape;
        let mut matrix = |part: &str, rows, columns| {
            let name = format!("blk.{index}.{part}.weight");
            anyhow::Ok(Matrix::new(weights.matrix(&name, rows, columns)?.into())?)
        };
        Ok(Self {
            query: matrix("attn_q", hidden, hidden)?,
            key: matrix("attn_k", kv_heads * head_size, hidden)?,
            value: matrix("attn_v", kv_heads * head_size, hidden)?,
            output: matrix("attn_output", hidden, hidden)?,
            heads,
            kv_heads,
            head_size,
        })
    }

    pub(super) fn forward(
        &self,
        x: &Tensor,
        positions: &Positions,
        cache: &mut KvCache,
    ) -> candle_core::Result<Tensor> {
        let count = x.dim(0)?;
        let query = positions.turn(&self.split(&self.query.forward(x)?, self.heads)?)?;
        let key = positions.turn(&self.split(&self.key.forward(x)?, self.kv_heads)?)?;
        let value = self.split(&self.value.forward(x)?, self.kv_heads)?;
        let (key, value) = cache.append(&key, &value)?;
        let (key, value) = (key.squeeze(0)?, value.squeeze(0)?);

        // Heads that share keys and values are rows of one product.
        let group = self.heads / self.kv_heads;
        let scale = 1.0 / f64::from(u32::try_from(self.head_size).unwrap_or(1)).sqrt();
        let query = (query * scale)?.reshape((self.kv_heads, group * count, self.head_size))?;
        let scores = query.matmul(&key.transpose(1, 2)?)?;
        let shares = softmax_last_dim(&self.masked(scores, positions, group, count)?)?;
        let mixed = shares.matmul(&value)?.reshape((self.heads, count, self.head_size))?;
        let rows = mixed.transpose(0, 1)?.contiguous()?.reshape((count, self.heads * self.head_size))?;
        self.output.forward(&rows)
    }

    /// Rows of tokens to 1 × heads × tokens × head size.
    fn split(&self, rows: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
        let count = rows.dim(0)?;
        rows.reshape((1, count, heads, self.head_size))?.transpose(1, 2)?.contiguous()
    }

    /// Takes away what a token must not see: what comes after it.
    fn masked(
        &self,
        scores: Tensor,
        positions: &Positions,
        group: usize,
        count: usize,
    ) -> candle_core::Result<Tensor> {
        let Some(mask) = &positions.mask else { return Ok(scores) };
        let seen = scores.dim(2)?;
        let by_head = scores.reshape((self.kv_heads, group, count, seen))?;
        by_head.broadcast_add(mask)?.reshape((self.kv_heads, group * count, seen))
    }
}
