//! Grouped attention (Ainslie et al. 2023): several asking heads share one head of keys and values.

use super::matrix::{Input, Matrix};
use super::mix::{Heads, mix};
use crate::engine::model::kv::Layer;
use crate::engine::model::llama::Shape;
use crate::engine::model::llama::rope::Positions;
use crate::engine::model::llama::span::Row;
use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::{Device, Tensor};

#[derive(Debug)]
pub(super) struct Attention {
    query: Matrix,
    key: Matrix,
    value: Matrix,
    output: Matrix,
    heads: Heads,
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
            heads: Heads { asking: heads, asked: kv_heads, size: head_size },
        })
    }

    /// `x` has a row for each of `rows`; keys and values of these tokens are remembered in `layer`.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        positions: &Positions,
        rows: &[Row<'_>],
        layer: &mut Layer,
    ) -> candle_core::Result<Tensor> {
        let Heads { asking, asked, .. } = self.heads;
        let input = Input::new(x);
        let query = positions.turn(&self.split(&self.query.forward(&input)?, asking)?)?;
        let key = positions.turn(&self.split(&self.key.forward(&input)?, asked)?)?;
        let value = self.split(&self.value.forward(&input)?, asked)?;
        let [query, key, value] = [query, key, value].map(|heads| heads.flatten_all()?.to_vec1::<f32>());
        self.remember(rows, &key?, &value?, layer);
        let mixed = mix(&query?, rows, layer, self.heads);
        self.output.forward(&Input::new(&Tensor::from_vec(mixed, x.shape(), &Device::Cpu)?))
    }

    /// Rows of tokens to 1 × heads × tokens × head size.
    fn split(&self, rows: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
        let count = rows.dim(0)?;
        rows.reshape((1, count, heads, self.heads.size))?.transpose(1, 2)?.contiguous()
    }

    /// Writes keys and values, heads × tokens × head size, where their texts have them.
    fn remember(&self, rows: &[Row<'_>], key: &[f32], value: &[f32], layer: &mut Layer) {
        let Heads { asked, size, .. } = self.heads;
        let numbers = key.chunks_exact(size).zip(value.chunks_exact(size));
        let places = (0..asked).flat_map(|head| rows.iter().map(move |row| (head, row)));
        for ((head, Row { pages, position }), (key, value)) in places.zip(numbers) {
            layer.write(pages, *position, head, key, value);
        }
    }
}
