//! What a model's file says about the model.

use anyhow::{Context, Result, bail};
use candle_core::quantized::gguf_file::Value;
use std::collections::HashMap;

/// The key-value part of a GGUF file.
#[derive(Debug)]
pub(super) struct Metadata(HashMap<String, Value>);

impl Metadata {
    pub(super) fn new(values: HashMap<String, Value>) -> Self {
        Self(values)
    }

    /// All entries, sorted by key: the same model is always written as the same bytes.
    pub(super) fn sorted(&self) -> Vec<(&str, &Value)> {
        let mut entries: Vec<_> = self.0.iter().map(|(key, value)| (key.as_str(), value)).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }

    pub(super) fn insert(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    pub(super) fn text(&self, key: &str) -> Result<&str> {
        text(self.get(key)?).with_context(|| format!("{key}: expected a string"))
    }

    pub(super) fn count(&self, key: &str) -> Result<usize> {
        let value = integer(self.get(key)?).with_context(|| format!("{key}: expected a number"))?;
        Ok(usize::try_from(value)?)
    }

    /// A number that may be absent.
    pub(super) fn token(&self, key: &str) -> Option<u32> {
        integer(self.0.get(key)?).and_then(|value| u32::try_from(value).ok())
    }

    /// False where it is absent.
    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(Value::Bool(true)))
    }

    pub(super) fn real(&self, key: &str) -> Result<f32> {
        match self.get(key)? {
            Value::F32(value) => Ok(*value),
            _ => bail!("{key}: expected a number"),
        }
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<&str>> {
        let texts: Option<_> = self.array(key)?.iter().map(text).collect();
        texts.with_context(|| format!("{key}: expected strings"))
    }

    pub(super) fn integers(&self, key: &str) -> Result<Vec<u64>> {
        let integers: Option<_> = self.array(key)?.iter().map(integer).collect();
        integers.with_context(|| format!("{key}: expected numbers"))
    }

    fn array(&self, key: &str) -> Result<&[Value]> {
        match self.get(key)? {
            Value::Array(values) => Ok(values),
            _ => bail!("{key}: expected an array"),
        }
    }

    fn get(&self, key: &str) -> Result<&Value> {
        self.0.get(key).with_context(|| format!("the model's file has no {key}"))
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<u64> {
    match *value {
        Value::U8(value) => Some(value.into()),
        Value::U16(value) => Some(value.into()),
        Value::U32(value) => Some(value.into()),
        Value::U64(value) => Some(value),
        Value::I8(value) => value.try_into().ok(),
        Value::I16(value) => value.try_into().ok(),
        Value::I32(value) => value.try_into().ok(),
        Value::I64(value) => value.try_into().ok(),
        _ => None,
    }
}
