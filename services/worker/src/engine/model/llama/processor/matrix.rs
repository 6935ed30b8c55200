//! A product with weights, in the form that this processor is fast at.
//!
//! Weights in Q8_0 are multiplied by our own code where the processor has AVX-512 VNNI ([`super::product`]). Elsewhere it is
//! the tensor library. That has fast kernels for Q8_0 on other processors with VNNI, but only for rows of whole multiples of
//! 256 weights: a row of 576, say, falls back to a plain loop. So rows are filled up with zeros there, and so is what they are
//! multiplied with.

use super::product::{Quantised, Tiles, is_possible};
use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{D, Device, Error, Module, Result, Tensor};
use std::cell::OnceCell;
use std::sync::Arc;

/// The library's fast kernels take rows of multiples of this many weights.
const FAST_COLUMNS: usize = 256;

/// What is multiplied with one matrix, or with several: a row for each token.
#[derive(Debug)]
pub(super) struct Input<'a> {
    rows: &'a Tensor,
    quantised: OnceCell<Quantised>,
}

impl<'a> Input<'a> {
    /// `rows` has two dimensions.
    pub(super) fn new(rows: &'a Tensor) -> Self {
        Self { rows, quantised: OnceCell::new() }
    }

    fn quantised(&self) -> Result<&Quantised> {
        if let Some(quantised) = self.quantised.get() {
            return Ok(quantised);
        }
        let (_, columns) = self.rows.dims2()?;
        let numbers = self.rows.flatten_all()?.to_vec1::<f32>()?;
        Ok(self.quantised.get_or_init(|| Quantised::new(&numbers, columns)))
    }
}

/// Weights to multiply with, a row for each output.
#[derive(Debug)]
pub(super) enum Matrix {
    Own(Tiles),
    /// With so many zeros at the end of each row.
    Library {
        weights: QMatMul,
        filled: usize,
    },
}

impl Matrix {
    /// `weights` has two dimensions.
    pub(super) fn new(weights: Arc<QTensor>) -> Result<Self> {
        let (outputs, columns) = weights.shape().dims2()?;
        if weights.dtype() == GgmlDType::Q8_0 && is_possible() {
            let tiles = Tiles::new(&weights.data()?, outputs, columns);
            return Ok(Self::Own(tiles.map_err(Error::wrap)?));
        }
        let filled = columns.next_multiple_of(FAST_COLUMNS) - columns;
        if filled == 0 || weights.dtype() != GgmlDType::Q8_0 || !has_fast_kernels() {
            return Ok(Self::Library { weights: QMatMul::from_arc(weights)?, filled: 0 });
        }
        Ok(Self::Library { weights: QMatMul::from_qtensor(fill(&weights, filled)?)?, filled })
    }

    /// A row of outputs for each row.
    pub(super) fn forward(&self, input: &Input<'_>) -> Result<Tensor> {
        match self {
            Self::Own(tiles) => {
                let shape = (input.rows.dim(0)?, tiles.outputs());
                Tensor::from_vec(tiles.product(input.quantised()?), shape, &Device::Cpu)
            }
            Self::Library { weights, filled: 0 } => weights.forward(input.rows),
            Self::Library { weights, filled } => {
                weights.forward(&input.rows.pad_with_zeros(D::Minus1, 0, *filled)?)
            }
        }
    }
}

/// In how many forms a matrix is kept in memory.
pub(in super::super::super) fn forms() -> u64 {
    // The library keeps what it was given beside what its fast kernels take.
    if !is_possible() && has_fast_kernels() { 2 } else { 1 }
}

/// The same weights with `filled` zeros at the end of each row. A block of zeros is zero bytes.
fn fill(weights: &QTensor, filled: usize) -> Result<QTensor> {
    let (rows, columns) = weights.shape().dims2()?;
    let bytes_of = |columns| columns / GgmlDType::Q8_0.block_size() * GgmlDType::Q8_0.type_size();
    let (row_bytes, filled_bytes) = (bytes_of(columns), bytes_of(filled));
    let mut bytes = Vec::with_capacity(rows * (row_bytes + filled_bytes));
    for row in weights.data()?.chunks(row_bytes.max(1)) {
        bytes.extend_from_slice(row);
        bytes.resize(bytes.len() + filled_bytes, 0);
    }
    let storage = QStorage::from_data(bytes.into(), &Device::Cpu, GgmlDType::Q8_0)?;
    QTensor::new(storage, (rows, columns + filled))
}

#[cfg(target_arch = "x86_64")]
fn has_fast_kernels() -> bool {
    is_x86_feature_detected!("avxvnni")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_fast_kernels() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_gives_the_product() {
        let values: Vec<f32> = (0..96 * 32).map(|i| (i as f32 * 0.37).sin()).collect();
        let weights = Tensor::from_vec(values, (32, 96), &Device::Cpu).unwrap();
        let weights = Arc::new(QTensor::quantize(&weights, GgmlDType::Q8_0).unwrap());
        let x = (Tensor::arange(0.0_f32, 288.0, &Device::Cpu).unwrap() / 96.0).unwrap();
        let x = x.sin().unwrap().reshape((3, 96)).unwrap();
        let expected = x.matmul(&weights.dequantize(&Device::Cpu).unwrap().t().unwrap()).unwrap();
        let size = expected.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let filled = QMatMul::from_qtensor(fill(&weights, 160).unwrap()).unwrap();
        for matrix in [
            Matrix::new(Arc::clone(&weights)).unwrap(),
            Matrix::Library { weights: filled, filled: 160 },
            Matrix::Library { weights: QMatMul::from_arc(weights).unwrap(), filled: 0 },
        ] {
            let product = matrix.forward(&Input::new(&x)).unwrap();
            let difference = (product - &expected).unwrap().abs().unwrap().max_all().unwrap();
            let difference = difference.to_scalar::<f32>().unwrap();
            assert!(difference < 0.02 * size, "{difference} of {size}: {matrix:?}");
        }
    }
}
