//! How the next token is chosen.

use super::error::RequestError;
use super::fields::{Field, Fields};
use std::ops::RangeInclusive;

/// How the next token is chosen. Penalties and `top_k` are by vLLM's definitions, the rest by OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 to 2. At 0 the likeliest token is always taken.
    pub temperature: f64,
    /// 0 to 1: only the likeliest tokens that together have this probability are considered.
    pub top_p: f64,
    /// Only so many of the likeliest tokens are considered; `None` is all of them.
    pub top_k: Option<u32>,
    /// 0.01 to 10: the score of a token that is in the prompt or the answer so far is divided by this, or multiplied where it
    /// is negative. 1 changes nothing.
    pub repetition_penalty: f64,
    /// -2 to 2: taken from the score of a token that is in the answer so far.
    pub presence_penalty: f64,
    /// -2 to 2: taken from it for each time that it is there.
    pub frequency_penalty: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: None,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
        }
    }
}

impl Sampling {
    pub(super) fn take_from(fields: &mut Fields) -> Result<Self, RequestError> {
        let mut number = |name, range: RangeInclusive<f64>, usual| {
            fields.take(name).map_or(Ok(usual), |field| field.number(range))
        };
        let usual = Self::default();
        Ok(Self {
            temperature: number("temperature", 0.0..=2.0, usual.temperature)?,
            top_p: number("top_p", 0.0..=1.0, usual.top_p)?,
            repetition_penalty: number("repetition_penalty", 0.01..=10.0, usual.repetition_penalty)?,
            presence_penalty: number("presence_penalty", -2.0..=2.0, usual.presence_penalty)?,
            frequency_penalty: number("frequency_penalty", -2.0..=2.0, usual.frequency_penalty)?,
            top_k: fields.take("top_k").map_or(Ok(None), |field| top_k(&field))?,
        })
    }
}

/// Some clients write 0 or -1 for "all".
fn top_k(field: &Field) -> Result<Option<u32>, RequestError> {
    match field.value().as_i64() {
        Some(-1 | 0) => Ok(None),
        _ => field.small_integer(1..=u32::MAX).map(Some),
    }
}
