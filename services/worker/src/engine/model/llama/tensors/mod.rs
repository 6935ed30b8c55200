//! The forward pass on the tensor library's operations: on a GPU, and on any device that the library has.
//!
//! Products of quantised weights, norms, rotations and softmax are the library's kernels. Keys and values lie on the device, a
//! row for each token of each page; what a step needs of them is gathered. Texts of about the same length that read the
//! same number of tokens are one product ([`step`]).
//!
//! What comes out for a text can depend on the others of a step in the last bits: how a sum is split is up to the library.

mod layer;
mod step;

use super::norm::Norm;
use super::rope::Rope;
use super::{Shape, Span};
use crate::engine::model::kv::PAGE_TOKENS;
use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::quantized::{QMatMul, QStorage, QTensor};
use candle_core::{Device, Module};
use layer::Layer;
use std::sync::Arc;
use step::Step;

/// A model on a device, with what it remembers.
#[derive(Debug)]
pub(super) struct Tensors {
    device: Device,
    /// In the machine's memory: a step takes a row for each token and no more.
    embeddings: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Norm,
    output: QMatMul,
    rope: Rope,
    /// Numbers of a token in the keys of a layer.
    width: usize,
}

impl Tensors {
    pub(super) fn take(weights: &mut Weights, shape: &Shape, pages: u32, device: &Device) -> Result<Self> {
        let embeddings = Arc::new(weights.matrix("token_embd.weight", shape.vocabulary, shape.hidden)?);
        let output = weights.take_optional("output.weight");
        let output = product(output.as_ref().unwrap_or(&embeddings), device)?;
        let tokens = pages as usize * PAGE_TOKENS;
        let layers = (0..shape.layers).map(|index| Layer::take(weights, shape, index, tokens, device));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            norm: Norm::take(weights, "output_norm.weight", shape.epsilon, device)?,
            rope: Rope::new(shape, device)?,
            width: shape.kv_heads * shape.head_size,
            device: device.clone(),
            output,
            embeddings,
        })
    }

    pub(super) fn forward(&self, spans: &[Span<'_>]) -> candle_core::Result<Vec<Vec<f32>>> {
        let step = Step::new(spans, &self.rope, self.width, &self.device)?;
        let mut x = self.embeddings.embedding(&step.tokens)?.to_device(&self.device)?;
        for layer in &self.layers {
            x = layer.forward(&x, &step)?;
        }
        let Some(wanted) = &step.wanted else { return Ok(Vec::new()) };
        self.output.forward(&self.norm.forward(&x.index_select(wanted, 0)?)?)?.to_vec2()
    }
}

/// A matrix on the device, in the form in which the file has it.
fn product(weights: &QTensor, device: &Device) -> candle_core::Result<QMatMul> {
    let storage = QStorage::from_data(weights.data()?, device, weights.dtype())?;
    QMatMul::from_qtensor(QTensor::new(storage, weights.shape())?)
}
