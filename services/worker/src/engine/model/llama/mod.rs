//! The forward pass of a Llama model: the next tokens of several texts in, a score for each token that may follow out.
//!
//! As published by Touvron et al. 2023: root mean square norms before each part, rotary positions, grouped attention
//! and a gated feed-forward part. Activations are 32-bit floats, weights are what the file holds.
//!
//! ```text
//! processor  by our own products and attention
//! tensors    by the tensor library's operations, on a GPU
//! ```

mod norm;
mod processor;
mod rope;
mod shape;
mod span;
mod tensors;

pub(super) use shape::Shape;
pub(super) use span::Span;

use super::weights::Weights;
use crate::engine::device::Compute;
use anyhow::Result;
use processor::Processor;
use tensors::Tensors;

/// A model, ready to compute, with what it remembers of its texts.
#[derive(Debug)]
pub(super) struct Llama(By);

/// What computes it.
#[derive(Debug)]
enum By {
    Processor(Box<Processor>),
    Tensors(Box<Tensors>),
}

impl Llama {
    /// Takes a model of this shape out of its weights, with room for the keys and values of so many pages.
    pub(super) fn take(weights: &mut Weights, shape: &Shape, pages: u32, compute: &Compute) -> Result<Self> {
        Ok(Self(match compute {
            Compute::Processor => By::Processor(Box::new(Processor::take(weights, shape, pages)?)),
            Compute::Tensors(device) => By::Tensors(Box::new(Tensors::take(weights, shape, pages, device)?)),
        }))
    }

    /// Reads the next tokens of several texts, none of them twice and all of them within the model's context. For each span
    /// that wants them, in order: the scores of what may follow its last token.
    pub(super) fn forward(&mut self, spans: &[Span<'_>]) -> candle_core::Result<Vec<Vec<f32>>> {
        match &mut self.0 {
            By::Processor(llama) => llama.forward(spans),
            By::Tensors(llama) => llama.forward(spans),
        }
    }
}

/// In how many forms a matrix is kept in memory.
pub(super) fn matrix_forms(compute: &Compute) -> u64 {
    match compute {
        Compute::Processor => processor::matrix_forms(),
        Compute::Tensors(_) => 1,
    }
}
