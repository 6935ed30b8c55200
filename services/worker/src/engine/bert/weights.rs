//! The numbers of a model, out of a safetensors file.

use anyhow::{Context, Result, ensure};
use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device, Tensor};

/// What stands before every name in files that hold more than the encoder.
const PREFIXES: [&str; 2] = ["", "bert."];

/// A model's file in memory.
pub(super) struct Weights<'a> {
    file: SliceSafetensors<'a>,
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let file = SliceSafetensors::new(bytes).context("it is no safetensors file, or not whole")?;
        let prefix = PREFIXES.into_iter().find(|prefix| file.get(&format!("{prefix}{FIRST}")).is_ok());
        Ok(Self { file, prefix: prefix.unwrap_or_default() })
    }

    /// A tensor of this shape, as 32-bit floats that are all finite.
    pub(super) fn take(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let name = format!("{}{name}", self.prefix);
        let tensor =
            self.file.load(&name, &Device::Cpu).with_context(|| format!("it has no tensor {name}"))?;
        ensure!(tensor.dims() == shape, "{name}: expected the shape {shape:?}, got {:?}", tensor.dims());
        let is_real = matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16);
        ensure!(is_real, "{name}: expected F32, F16 or BF16, got {:?}", tensor.dtype());
        let tensor = tensor.to_dtype(DType::F32)?;
        // One that is not finite makes the sum so; and no model's numbers add up to more than a float holds.
        let sum = tensor.sum_all()?.to_scalar::<f32>()?;
        ensure!(sum.is_finite(), "{name}: expected finite numbers, got others");
        Ok(tensor)
    }
}

/// A tensor that every model has.
const FIRST: &str = "embeddings.word_embeddings.weight";
