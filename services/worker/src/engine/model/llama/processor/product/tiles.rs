//! Weights as they are read fastest.

#[cfg(not(test))]
use super::Native;
#[cfg(test)]
use super::checked::Checked as Native;
use super::input::Quantised;
use super::kernel::multiply;
use super::{BLOCK, QUAD, QUADS, TILE};
use crate::engine::model::llama::processor::parallel::each_chunk;
use anyhow::{Result, ensure};

/// Bytes of a block in a file of Q8_0: a scale as a 16-bit float, then the weights.
const FILE_BLOCK: usize = 2 + BLOCK;

/// Weights of 16 outputs for a block of inputs: four inputs of each output at a time, each weight larger by 128 than it is.
pub(super) type Weights = [[u8; TILE * QUAD]; QUADS];
/// What a whole number of each output is worth, as a 16-bit float.
pub(super) type Scales = [u16; TILE];

/// A matrix, tile by tile, of each its blocks in order.
#[derive(Debug)]
pub(in super::super) struct Tiles {
    outputs: usize,
    blocks: usize,
    weights: Vec<Weights>,
    scales: Vec<Scales>,
}

impl Tiles {
    /// Of the bytes of a file: `outputs` rows of `inputs` weights each, in Q8_0.
    pub(in super::super) fn new(bytes: &[u8], outputs: usize, inputs: usize) -> Result<Self> {
        let blocks = inputs / BLOCK;
        ensure!(
            inputs.is_multiple_of(BLOCK) && bytes.len() == outputs * blocks * FILE_BLOCK,
            "{} bytes are not {outputs} x {inputs} weights in Q8_0",
            bytes.len()
        );
        let tiles = outputs.div_ceil(TILE);
        // Outputs that are not there have weights of 0.
        let mut weights = vec![[[128; TILE * QUAD]; QUADS]; tiles * blocks];
        let mut scales = vec![[0; TILE]; tiles * blocks];
        for (output, row) in bytes.chunks_exact((blocks * FILE_BLOCK).max(1)).enumerate() {
            let (first, within) = (output / TILE * blocks, output % TILE);
            let places = weights.iter_mut().zip(&mut scales).skip(first);
            for (block, (weights, scales)) in row.chunks_exact(FILE_BLOCK).zip(places) {
                let Some((scale, numbers)) = block.split_first_chunk() else { continue };
                if let Some(cell) = scales.get_mut(within) {
                    *cell = u16::from_le_bytes(*scale);
                }
                for (quad, numbers) in weights.iter_mut().zip(numbers.chunks_exact(QUAD)) {
                    let cells = quad.iter_mut().skip(within * QUAD);
                    cells.zip(numbers).for_each(|(cell, number)| *cell = number.wrapping_add(128));
                }
            }
        }
        Ok(Self { outputs, blocks, weights, scales })
    }

    /// How many outputs there are.
    pub(in super::super) const fn outputs(&self) -> usize {
        self.outputs
    }

    /// For each row of the input its outputs, beside each other.
    pub(in super::super) fn product(&self, input: &Quantised) -> Vec<f32> {
        let rows = input.rows;
        let mut by_tile = vec![0.0; self.outputs.div_ceil(TILE) * rows * TILE];
        let one = |(tile, out): (usize, &mut [f32])| self.multiply(tile, input, out);
        let size = (rows * TILE).max(1);
        each_chunk(&mut by_tile, size, one);
        if rows == 1 {
            by_tile.truncate(self.outputs);
            return by_tile;
        }
        let mut by_row = vec![0.0; rows * self.outputs];
        for (tile, numbers) in by_tile.chunks(size).enumerate() {
            for (numbers, row) in numbers.chunks(TILE).zip(by_row.chunks_mut(self.outputs.max(1))) {
                let cells = row.iter_mut().skip(tile * TILE);
                cells.zip(numbers).for_each(|(cell, number)| *cell = *number);
            }
        }
        by_row
    }

    fn multiply(&self, tile: usize, input: &Quantised, out: &mut [f32]) {
        let range = tile * self.blocks..(tile + 1) * self.blocks;
        let weights = self.weights.get(range.clone()).unwrap_or_default();
        let scales = self.scales.get(range).unwrap_or_default();
        multiply::<Native>(weights, scales, &input.groups, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor};

    fn numbers(count: usize, seed: f32) -> Vec<f32> {
        (0..count).map(|i| ((i as f32 + seed) * 12.9898).sin()).collect()
    }

    /// Weights of so many outputs and inputs, and the same ones again as plain numbers.
    fn weights(outputs: usize, inputs: usize) -> (Tiles, Vec<f32>) {
        let plain =
            Tensor::from_vec(numbers(outputs * inputs, 0.0), (outputs, inputs), &Device::Cpu).unwrap();
        let quantised = QTensor::quantize(&plain, GgmlDType::Q8_0).unwrap();
        let plain = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        (Tiles::new(&quantised.data().unwrap(), outputs, inputs).unwrap(), plain)
    }

    #[test]
    fn it_is_the_product_but_for_what_is_rounded() {
        for (rows, outputs, inputs) in [(1, 16, 32), (3, 40, 96), (16, 261, 64), (13, 192, 576)] {
            let (tiles, plain) = weights(outputs, inputs);
            let x = numbers(rows * inputs, 7.0);
            let product = tiles.product(&Quantised::new(&x, inputs));
            assert_eq!(product.len(), rows * outputs);
            for (row, (x, product)) in x.chunks(inputs).zip(product.chunks(outputs)).enumerate() {
                for (output, (weights, found)) in plain.chunks(inputs).zip(product).enumerate() {
                    let expected: f32 = x.iter().zip(weights).map(|(x, weight)| x * weight).sum();
                    let tolerance = 0.02 * (inputs as f32).sqrt();
                    assert!(
                        (expected - found).abs() < tolerance,
                        "{row} {output}: {found}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_others() {
        let (tiles, _) = weights(80, 96);
        let x = numbers(15 * 96, 3.0);
        let together = tiles.product(&Quantised::new(&x, 96));
        let alone = x.chunks(96).flat_map(|row| tiles.product(&Quantised::new(row, 96)));
        assert!(together.into_iter().eq(alone));
    }

    #[test]
    fn bytes_that_are_no_such_matrix_are_refused() {
        let error = Tiles::new(&[0; 33], 1, 32).unwrap_err().to_string();
        assert_eq!(error, "33 bytes are not 1 x 32 weights in Q8_0");
    }
}
