//! The same as [`Vnni`](super::vnni::Vnni) for any processor: what that is checked against.

use super::input::Block;
use super::kernel::Kernel;
use super::tiles::{Scales, Weights};
use super::{QUAD, TILE};
use half::f16;

/// Plain numbers.
pub(super) struct Plain;

impl Kernel for Plain {
    fn rows<const ROWS: usize>(
        weights: &[Weights],
        scales: &[Scales],
        blocks: &[Block<ROWS>],
        out: &mut [f32],
    ) {
        for ((weights, scales), block) in weights.iter().zip(scales).zip(blocks) {
            for (row, out) in out.chunks_mut(TILE).enumerate() {
                let of_row = |cells: &[i32; ROWS]| cells.iter().copied().nth(row).unwrap_or(0);
                let mut whole = [of_row(&block.excess); TILE];
                for (bytes, quads) in weights.iter().zip(&block.quads) {
                    let inputs = of_row(quads).to_le_bytes();
                    for (whole, bytes) in whole.iter_mut().zip(bytes.chunks_exact(QUAD)) {
                        let products = bytes
                            .iter()
                            .zip(inputs)
                            .map(|(weight, input)| i32::from(*weight) * i32::from(input.cast_signed()));
                        *whole += products.sum::<i32>();
                    }
                }
                let own = block.scales.iter().copied().nth(row).unwrap_or(0.0);
                for ((sum, whole), scale) in out.iter_mut().zip(whole).zip(scales) {
                    // As exact as the instruction that does both at once.
                    *sum = (whole as f32).mul_add(f16::from_bits(*scale).to_f32() * own, *sum);
                }
            }
        }
    }
}
