//! For tests: both ways, where the processor has both.

use super::input::Block;
use super::kernel::Kernel;
use super::plain::Plain;
use super::tiles::{Scales, Weights};
use super::{Native, is_possible};

/// Plain numbers, and that the processor's instructions give the same.
pub(super) struct Checked;

impl Kernel for Checked {
    fn rows<const ROWS: usize>(
        weights: &[Weights],
        scales: &[Scales],
        blocks: &[Block<ROWS>],
        out: &mut [f32],
    ) {
        Plain::rows(weights, scales, blocks, out);
        if is_possible() {
            let plain = out.to_vec();
            Native::rows(weights, scales, blocks, out);
            assert_eq!(plain, out, "the same, bit for bit");
        }
    }
}
