//! Positions as rotations (Su et al. 2021): each pair of a head's values is turned by an angle that grows with the
//! position, faster for earlier pairs.

use super::shape::Shape;
use candle_core::{Device, Result, Tensor};

/// The angles of all positions that the model can see.
#[derive(Debug)]
pub(super) struct Rope {
    cos: Tensor,
    sin: Tensor,
    device: Device,
}

/// The angles of the tokens of a step.
#[derive(Debug)]
pub(super) struct Positions {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    pub(super) fn new(shape: &Shape, device: &Device) -> Result<Self> {
        let pairs = shape.head_size / 2;
        let mut angles = Vec::with_capacity(shape.context * pairs);
        for position in 0..shape.context {
            for pair in 0..pairs {
                let share = 2.0 * to_f32(pair) / to_f32(shape.head_size);
                angles.push(to_f32(position) / shape.rope_base.powf(share));
            }
        }
        let angles = Tensor::from_vec(angles, (shape.context, pairs), &Device::Cpu)?;
        Ok(Self {
            cos: angles.cos()?.to_device(device)?,
            sin: angles.sin()?.to_device(device)?,
            device: device.clone(),
        })
    }

    /// Tokens at these positions.
    pub(super) fn at(&self, positions: impl Iterator<Item = usize>) -> Result<Positions> {
        let positions: Vec<u32> = positions.filter_map(|position| u32::try_from(position).ok()).collect();
        let positions = Tensor::new(positions.as_slice(), &self.device)?;
        Ok(Positions {
            cos: self.cos.index_select(&positions, 0)?,
            sin: self.sin.index_select(&positions, 0)?,
        })
    }
}

impl Positions {
    /// Turns heads of the form 1 × heads × positions × head size.
    pub(super) fn turn(&self, heads: &Tensor) -> Result<Tensor> {
        candle_nn::rotary_emb::rope_i(heads, &self.cos, &self.sin)
    }
}

/// Positions and sizes are far below what a 32-bit float holds exactly (16 million).
fn to_f32(number: usize) -> f32 {
    number as f32
}
