//! Divides by the root mean square and multiplies with a weight each.

use crate::engine::model::weights::Weights;
use anyhow::Result;
use candle_core::{Device, Tensor};

#[derive(Debug)]
pub(super) struct Norm {
    weight: Tensor,
    epsilon: f32,
}

impl Norm {
    pub(super) fn take(weights: &mut Weights, name: &str, epsilon: f32, device: &Device) -> Result<Self> {
        Ok(Self { weight: weights.take(name)?.dequantize(device)?, epsilon })
    }

    pub(super) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        candle_nn::ops::rms_norm(x, &self.weight, self.epsilon)
    }
}
