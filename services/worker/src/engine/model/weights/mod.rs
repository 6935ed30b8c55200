//! The model's weights, in a form that this processor computes with fast.
//!
//! Models are published in small formats (Q4_1, say) whose products are slow here. So each matrix is requantised to
//! Q8_0 once: 8 bits and a scale for 32 weights. The result is kept, for the next start and for other workers on the
//! machine.

mod kept;
mod original;

pub(super) use original::Original;

use super::metadata::Metadata;
use anyhow::{Context, Result, anyhow, bail};
use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The number by which GGUF calls files of Q8_0.
const FILE_TYPE_Q8_0: u32 = 7;

/// A model's file in memory.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) metadata: Metadata,
    tensors: HashMap<String, QTensor>,
}

impl Weights {
    /// Loads a model: what is kept of an earlier start where that is whole, or else the file itself, which is then
    /// requantised and kept. `progress` gets percents.
    pub(super) fn load(
        original: &Original,
        cache_dir: Option<&Path>,
        progress: impl Fn(usize),
    ) -> Result<Self> {
        let source = original.sha256()?;
        progress(5);
        let directory = cache_dir.unwrap_or_else(|| original.folder());
        let kept = kept::Kept::new(&original.stem()?, directory, &source.to_string());
        let read_kept =
            |path: &Path| Original::File(path.to_owned()).read(|percent| progress(5 + percent * 95 / 100));
        if let Some(path) = kept.whole() {
            return read_kept(path);
        }
        let lock = kept.lock();
        if let Some(path) = kept.whole() {
            // Another worker has made it in the meantime.
            return read_kept(path);
        }
        let mut weights = original.read(|percent| progress(5 + percent * 20 / 100))?;
        weights.requantise(|percent| progress(25 + percent * 60 / 100))?;
        if let Err(error) = lock.and_then(|_held| kept.write(|out| weights.write(out))) {
            tracing::warn!("the requantised model is not kept, the next start will take as long: {error:#}");
        }
        Ok(weights)
    }

    fn read(what: &Original, reader: &mut (impl Read + Seek), progress: impl Fn(usize)) -> Result<Self> {
        let content = header(what, reader)?;
        let mut tensors = HashMap::new();
        let total = content.tensor_infos.len().max(1);
        for (index, name) in content.tensor_infos.keys().enumerate() {
            let tensor = content.tensor(reader, name, &Device::Cpu);
            tensors.insert(name.clone(), tensor.with_context(|| format!("{what}: {name}"))?);
            progress((index + 1) * 100 / total);
        }
        Ok(Self { metadata: Metadata::new(content.metadata), tensors })
    }

    fn requantise(&mut self, progress: impl Fn(usize)) -> Result<()> {
        let total = self.tensors.len().max(1);
        for (index, (name, tensor)) in self.tensors.iter_mut().enumerate() {
            if needs_requantising(tensor.dtype(), tensor.shape().dims()) {
                let plain = tensor.dequantize(&Device::Cpu)?;
                *tensor = QTensor::quantize(&plain, GgmlDType::Q8_0).with_context(|| name.clone())?;
            }
            progress((index + 1) * 100 / total);
        }
        self.metadata.insert("general.file_type", Value::U32(FILE_TYPE_Q8_0));
        Ok(())
    }

    fn write(&self, out: &mut File) -> Result<()> {
        let mut tensors: Vec<_> = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        tensors.sort_unstable_by_key(|(name, _)| *name);
        let mut out = BufWriter::with_capacity(1 << 20, out);
        gguf_file::write(&mut out, &self.metadata.sorted(), &tensors)?;
        Ok(out.flush()?)
    }

    /// A tensor, taken out.
    pub(super) fn take(&mut self, name: &str) -> Result<QTensor> {
        self.tensors.remove(name).with_context(|| format!("the model's file has no tensor {name}"))
    }

    /// A tensor that may be absent.
    pub(super) fn take_optional(&mut self, name: &str) -> Option<QTensor> {
        self.tensors.remove(name)
    }

    /// A matrix of this many rows and columns.
    pub(super) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<QTensor> {
        let tensor = self.take(name)?;
        if tensor.shape().dims() != [rows, columns] {
            bail!("{name}: expected {rows} x {columns}, got {:?}", tensor.shape().dims());
        }
        Ok(tensor)
    }
}

/// What stands before the weights.
fn header(what: &Original, reader: &mut (impl Read + Seek)) -> Result<Content> {
    // Some damages, an alignment of zero for one, make the library panic.
    let content = catch_unwind(AssertUnwindSafe(|| Content::read(reader)));
    let content = content.map_err(|_| anyhow!("its header cannot be read")).and_then(|content| Ok(content?));
    content.with_context(|| format!("{what} is no GGUF file"))
}

/// What a tensor takes in memory once it is loaded.
pub(super) fn loaded_bytes(dtype: GgmlDType, dims: &[usize]) -> u64 {
    let form = if needs_requantising(dtype, dims) { GgmlDType::Q8_0 } else { dtype };
    let numbers = dims.iter().fold(1_u64, |numbers, size| numbers.saturating_mul(*size as u64));
    numbers.div_ceil(form.block_size() as u64).saturating_mul(form.type_size() as u64)
}

/// A matrix in another small format than Q8_0, whose rows are whole blocks of it.
fn needs_requantising(dtype: GgmlDType, dims: &[usize]) -> bool {
    let small = !matches!(dtype, GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 | GgmlDType::Q8_0);
    let columns = dims.last().copied().unwrap_or(1);
    small && columns.is_multiple_of(GgmlDType::Q8_0.block_size())
}
