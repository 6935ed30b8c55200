//! What is multiplied with weights, quantised.

use super::{BLOCK, QUAD, QUADS};

/// Rows of inputs, in groups that are worked on together: what is loaded of the weights serves all rows of a group.
#[derive(Debug)]
pub(in super::super) struct Quantised {
    pub(super) groups: Vec<Group>,
    pub(super) rows: usize,
}

/// Some rows, block by block.
#[derive(Debug)]
pub(super) enum Group {
    One(Vec<Block<1>>),
    Two(Vec<Block<2>>),
    Four(Vec<Block<4>>),
    Eight(Vec<Block<8>>),
}

/// A block of each of so many rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<const ROWS: usize> {
    /// Four numbers of each row at a time, as the bytes of one.
    pub(super) quads: [[i32; ROWS]; QUADS],
    /// What a whole number of each row is worth.
    pub(super) scales: [f32; ROWS],
    /// The sum of each row's numbers, times -128: what the weights are too large by.
    pub(super) excess: [i32; ROWS],
}

impl Quantised {
    /// `numbers` are rows of so many columns, a multiple of 32.
    pub(in super::super) fn new(numbers: &[f32], columns: usize) -> Self {
        let rows = numbers.len() / columns.max(1);
        let mut rest = numbers;
        let mut groups = Vec::new();
        while !rest.is_empty() {
            let left = rest.len() / columns.max(1);
            let taken = [8, 4, 2].into_iter().find(|size| left >= *size).unwrap_or(1);
            let (now, later) = rest.split_at_checked(taken * columns).unwrap_or((rest, &[]));
            groups.push(match taken {
                8 => Group::Eight(blocks(now, columns)),
                4 => Group::Four(blocks(now, columns)),
                2 => Group::Two(blocks(now, columns)),
                _ => Group::One(blocks(now, columns)),
            });
            rest = later;
        }
        Self { groups, rows }
    }
}

impl Group {
    pub(super) const fn rows(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Two(_) => 2,
            Self::Four(_) => 4,
            Self::Eight(_) => 8,
        }
    }
}

fn blocks<const ROWS: usize>(numbers: &[f32], columns: usize) -> Vec<Block<ROWS>> {
    let empty = Block { quads: [[0; ROWS]; QUADS], scales: [0.0; ROWS], excess: [0; ROWS] };
    let mut blocks = vec![empty; columns / BLOCK];
    for (row, numbers) in numbers.chunks_exact(columns.max(1)).take(ROWS).enumerate() {
        let (whole, _) = numbers.as_chunks::<BLOCK>();
        for (block, numbers) in blocks.iter_mut().zip(whole) {
            let (bytes, scale) = quantise(numbers);
            let (quads, _) = bytes.as_chunks::<QUAD>();
            for (cells, quad) in block.quads.iter_mut().zip(quads) {
                cells.iter_mut().skip(row).take(1).for_each(|cell| *cell = quad_of(*quad));
            }
            let sum: i32 = bytes.iter().map(|byte| i32::from(*byte)).sum();
            block.scales.iter_mut().skip(row).take(1).for_each(|cell| *cell = scale);
            block.excess.iter_mut().skip(row).take(1).for_each(|cell| *cell = -128 * sum);
        }
    }
    blocks
}

/// The numbers as multiples of a scale, from -127 to 127, and the scale.
fn quantise(numbers: &[f32; BLOCK]) -> ([i8; BLOCK], f32) {
    let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    let scale = largest / 127.0;
    let per_scale = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let bytes = numbers.map(|number| nearest(number * per_scale));
    (bytes, scale)
}

/// The nearest whole number of one from -127 to 127: added to a number so large that its last bit is worth 1, it is in the
/// last bits. A plain `round` is a call for each number.
#[allow(clippy::cast_possible_truncation, reason = "the last byte is what is wanted")]
fn nearest(number: f32) -> i8 {
    const LARGE: f32 = 12_582_912.0;
    (number + LARGE).to_bits() as i8
}

fn quad_of(bytes: [i8; QUAD]) -> i32 {
    i32::from_le_bytes(bytes.map(i8::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        for (number, expected) in
            [(0.0, 0), (0.4, 0), (0.6, 1), (-0.4, 0), (-0.6, -1), (126.6, 127), (-127.0, -127), (42.0, 42)]
        {
            assert_eq!(nearest(number), expected, "{number}");
        }
    }

    #[test]
    fn rows_are_in_groups_as_large_as_may_be() {
        for (rows, expected) in [(1, &[1][..]), (7, &[4, 2, 1]), (16, &[8, 8]), (11, &[8, 2, 1])] {
            let input = Quantised::new(&vec![1.0; rows * 64], 64);
            assert_eq!(input.rows, rows);
            assert_eq!(input.groups.iter().map(Group::rows).collect::<Vec<_>>(), expected);
        }
    }
}
