//! The forward pass of BERT: the tokens of several inputs in, a vector for each input out.
//!
//! As published by Devlin et al. 2019: tokens and places become vectors, each layer mixes them across the input and then
//! transforms each for itself. The mean over an input's tokens, at length 1, is its vector (Reimers and Gurevych 2019).
//!
//! The tokens of all inputs are rows of one matrix, without filling in between. Only attention looks at other rows, and it
//! is computed for each input by itself; so an input is worked on as if it were alone.

mod attention;
mod gelu;
mod layer;
mod linear;

use super::shape::Shape;
use super::weights::Weights;
use crate::engine::embedding::{Vectors, to_unit_length};
use anyhow::{Context, Result};
use candle_core::{Device, IndexOp, Tensor};
use candle_nn::ops::layer_norm;
use gelu::Gelu;
use layer::Layer;
use linear::Linear;
use std::ops::Range;

/// A model, ready to compute.
#[derive(Debug)]
pub(super) struct Encoder {
    tokens: Tensor,
    /// A row for each place in a text, the one of the only kind of sentence already added.
    places: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    gelu: Gelu,
}

/// Makes rows of mean 0 and variance 1, and multiplies and adds a weight each.
#[derive(Debug)]
struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl Norm {
    fn take(weights: &Weights<'_>, name: &str, shape: &Shape) -> Result<Self> {
        Ok(Self {
            weight: weights.take(&format!("{name}.weight"), &[shape.hidden])?,
            bias: weights.take(&format!("{name}.bias"), &[shape.hidden])?,
            epsilon: shape.epsilon,
        })
    }

    fn forward(&self, rows: &Tensor) -> candle_core::Result<Tensor> {
        layer_norm(rows, &self.weight, &self.bias, self.epsilon)
    }
}

impl Encoder {
    /// Takes a model of this shape out of its weights.
    pub(super) fn take(weights: &Weights<'_>, shape: &Shape) -> Result<Self> {
        let table = |kind: &str, rows| {
            weights.take(&format!("embeddings.{kind}_embeddings.weight"), &[rows, shape.hidden])
        };
        let places = table("position", shape.positions)?;
        let kind = table("token_type", shape.kinds)?.i(0)?;
        let layers = (0..shape.layers).map(|index| Layer::take(weights, shape, index));
        Ok(Self {
            tokens: table("word", shape.vocabulary)?,
            places: places.broadcast_add(&kind)?,
            norm: Norm::take(weights, "embeddings.LayerNorm", shape)?,
            layers: layers.collect::<Result<_>>()?,
            gelu: Gelu::new()?,
        })
    }

    /// A vector for each input. Inputs have at least one token, no more than the model has places, and only tokens that it
    /// has.
    pub(super) fn embed<'a>(&self, inputs: impl Iterator<Item = &'a [u32]>) -> Result<Vectors> {
        let (mut tokens, mut places, mut inputs_at) = (Vec::new(), Vec::new(), Vec::new());
        for input in inputs {
            inputs_at.push(tokens.len()..tokens.len() + input.len());
            tokens.extend_from_slice(input);
            places.extend((0..).take(input.len()).map(|place: u32| place));
        }
        let rows = self.forward(&tokens, &places, &inputs_at)?;
        inputs_at.into_iter().map(|at| mean(&rows, at)).collect()
    }

    fn forward(
        &self,
        tokens: &[u32],
        places: &[u32],
        inputs: &[Range<usize>],
    ) -> candle_core::Result<Tensor> {
        let pick = |table: &Tensor, rows: &[u32]| table.index_select(&Tensor::new(rows, &Device::Cpu)?, 0);
        let rows = (pick(&self.tokens, tokens)? + pick(&self.places, places)?)?;
        let first = self.norm.forward(&rows)?;
        self.layers.iter().try_fold(first, |rows, layer| layer.forward(&rows, inputs, &self.gelu))
    }
}

/// The mean of these rows, at length 1.
fn mean(rows: &Tensor, at: Range<usize>) -> Result<Vec<f32>> {
    let mean = rows.narrow(0, at.start, at.len())?.mean(0)?.to_vec1()?;
    to_unit_length(mean).context("the model gave a vector without a direction")
}
