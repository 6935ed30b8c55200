//! Positions as rotations (Su et al. 2021): each pair of a head's values is turned by an angle that grows with the
//! position, faster for earlier pairs.

use super::shape::Shape;
use candle_core::{Device, Result, Tensor};

/// The angles of all positions that the model can see.
#[derive(Debug)]
pub(super) struct Rope {
    cos: Tensor,
    sin: Tensor,
}

/// The angles of a run of positions, and which of them may see which.
#[derive(Debug)]
pub(super) struct Positions {
    cos: Tensor,
    sin: Tensor,
    /// 0 where a later position sees an earlier one, minus infinity elsewhere; absent for a single position, which
    /// sees everything before it.
    pub(super) mask: Option<Tensor>,
}

impl Rope {
    pub(super) fn new(shape: &Shape) -> Result<Self> {
        let pairs = shape.head_size / 2;
        let mut angles = Vec::with_capacity(shape.context * pairs);
        for position in 0..shape.context {
            for pair in 0..pairs {
                let share = 2.0 * to_f32(pair) / to_f32(shape.head_size);
                angles.push(to_f32(position) / shape.rope_base.powf(share));
            }
        }
        let angles = Tensor::from_vec(angles, (shape.context, pairs), &Device::Cpu)?;
        Ok(Self { cos: angles.cos()?, sin: angles.sin()? })
    }

    /// `count` positions from `start` on.
    pub(super) fn at(&self, start: usize, count: usize) -> Result<Positions> {
        Ok(Positions {
            cos: self.cos.narrow(0, start, count)?,
            sin: self.sin.narrow(0, start, count)?,
            mask: (count > 1).then(|| mask(start, count)).transpose()?,
        })
    }
}

impl Positions {
    /// Turns heads of the form 1 × heads × positions × head size.
    pub(super) fn turn(&self, heads: &Tensor) -> Result<Tensor> {
        candle_nn::rotary_emb::rope_i(heads, &self.cos, &self.sin)
    }
}

fn mask(start: usize, count: usize) -> Result<Tensor> {
    let row = |from: usize| {
        (0..start + count).map(move |to| if to <= start + from { 0.0 } else { f32::NEG_INFINITY })
    };
    let values: Vec<f32> = (0..count).flat_map(row).collect();
    Tensor::from_vec(values, (count, start + count), &Device::Cpu)
}

/// Positions and sizes are far below what a 32-bit float holds exactly (16 million).
fn to_f32(number: usize) -> f32 {
    number as f32
}
