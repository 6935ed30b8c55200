//! What works on the rows of a tile.

use super::TILE;
use super::input::{Block, Group};
use super::tiles::{Scales, Weights};

/// Multiplies the rows of a group with the weights of a tile. How many rows there are is known when it is compiled.
pub(super) trait Kernel {
    /// The outputs of the tile for each row, rows × 16, into `out`.
    fn rows<const ROWS: usize>(
        weights: &[Weights],
        scales: &[Scales],
        blocks: &[Block<ROWS>],
        out: &mut [f32],
    );
}

/// The outputs of a tile for the rows of all groups: rows × 16, into `out`.
pub(super) fn multiply<K: Kernel>(weights: &[Weights], scales: &[Scales], groups: &[Group], out: &mut [f32]) {
    let mut out = out;
    for group in groups {
        let (now, later) =
            std::mem::take(&mut out).split_at_mut_checked(group.rows() * TILE).unwrap_or_default();
        match group {
            Group::One(blocks) => K::rows(weights, scales, blocks, now),
            Group::Two(blocks) => K::rows(weights, scales, blocks, now),
            Group::Four(blocks) => K::rows(weights, scales, blocks, now),
            Group::Eight(blocks) => K::rows(weights, scales, blocks, now),
        }
        out = later;
    }
}
