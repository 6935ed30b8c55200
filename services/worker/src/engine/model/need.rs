//! What a model will hold in memory, told from the header of its file before the weights are read.

use super::llama;
use super::weights::{Original, loaded_bytes};
use crate::engine::device::Compute;
use anyhow::Result;

/// Bytes of the weights in the forms in which they are computed with.
pub(super) fn weights_bytes(original: &Original, compute: &Compute) -> Result<u64> {
    let content = original.header()?;
    let mut bytes = 0_u64;
    for (name, info) in &content.tensor_infos {
        let own = loaded_bytes(info.ggml_dtype, info.shape.dims());
        // Without an output matrix of its own a model has its table of tokens as rows and as a matrix.
        let is_both = name == "token_embd.weight" && !content.tensor_infos.contains_key("output.weight");
        let forms = if info.shape.rank() == 2 { llama::matrix_forms(compute) } else { 1 };
        bytes = bytes.saturating_add(own.saturating_mul(forms + u64::from(is_both)));
    }
    Ok(bytes)
}
