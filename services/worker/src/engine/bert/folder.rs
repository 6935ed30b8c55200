//! The files of a model, and what they say of it.

use super::shape::{Shape, count};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// What a folder's small files say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Description {
    pub(super) shape: Shape,
    /// The most tokens of an input.
    pub(super) input_tokens: usize,
}

impl Description {
    pub(super) fn weights_bytes(&self) -> u64 {
        self.shape.weights_bytes()
    }
}

/// Reads them.
pub(super) fn describe(folder: &Path) -> Result<Description> {
    let within = |name: &str| format!("{}", folder.join(name).display());
    let config =
        object(folder, "config.json")?.with_context(|| format!("there is no {}", within("config.json")))?;
    let shape = Shape::new(&config).with_context(|| within("config.json"))?;
    let name = "1_Pooling/config.json";
    if let Some(pooling) = object(folder, name)? {
        is_mean(&pooling).with_context(|| within(name))?;
    }
    let name = "sentence_bert_config.json";
    let input_tokens = match object(folder, name)? {
        Some(sentences) if sentences.contains_key("max_seq_length") => {
            count(&sentences, "max_seq_length", shape.positions as u64).with_context(|| within(name))?
        }
        _ => shape.positions,
    };
    Ok(Description { shape, input_tokens })
}

/// Reads a file of the folder whole.
pub(super) fn bytes(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The JSON object in a file; `None` where there is no such file.
fn object(folder: &Path, name: &str) -> Result<Option<Map<String, Value>>> {
    if !folder.join(name).exists() {
        return Ok(None);
    }
    let value = serde_json::from_slice(&bytes(folder, name)?);
    match value.with_context(|| format!("{} is not JSON", folder.join(name).display()))? {
        Value::Object(object) => Ok(Some(object)),
        _ => bail!("{}: expected a JSON object", folder.join(name).display()),
    }
}

/// Of the ways to make one vector out of many only the mean is served.
fn is_mean(pooling: &Map<String, Value>) -> Result<()> {
    let modes = pooling
        .iter()
        .filter(|(key, value)| key.starts_with("pooling_mode_") && *value == &Value::Bool(true));
    let modes: Vec<_> = modes.map(|(key, _)| key.as_str()).collect();
    ensure!(
        modes == ["pooling_mode_mean_tokens"],
        "expected pooling_mode_mean_tokens alone to be true, got {modes:?}"
    );
    Ok(())
}
