//! How the next token is chosen.

use super::error::RequestError;
use super::fields::{Field, Fields};
use std::ops::RangeInclusive;

/// How the next token is chosen. Penalties and `top_k` are by vLLM's definitions, the rest by OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0, or 1e-10 to 2. At 0 the likeliest token is always taken.
    pub temperature: f64,
    /// Above 0, to 1: only the likeliest tokens that together have this probability are considered.
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
            repetition_penalty: number("repetition_penalty", 0.01..=10.0, usual.repetition_penalty)?,
            presence_penalty: number("presence_penalty", -2.0..=2.0, usual.presence_penalty)?,
            frequency_penalty: number("frequency_penalty", -2.0..=2.0, usual.frequency_penalty)?,
            temperature: fields
                .take("temperature")
                .map_or(Ok(usual.temperature), |field| temperature(&field))?,
            top_p: fields.take("top_p").map_or(Ok(usual.top_p), |field| top_p(&field))?,
            top_k: fields.take("top_k").map_or(Ok(None), |field| top_k(&field))?,
        })
    }
}

/// Some clients write next to nothing for 0, and mean it. Less than that is a mistake.
fn temperature(field: &Field) -> Result<f64, RequestError> {
    field.number_if(|value| value == 0.0 || (1e-10..=2.0).contains(&value), "0, or a number from 1e-10 to 2")
}

/// None of the tokens are 0 together.
fn top_p(field: &Field) -> Result<f64, RequestError> {
    field.number_if(|value| value > 0.0 && value <= 1.0, "a number above 0, to 1")
}

/// Some clients write 0 or -1 for "all".
fn top_k(field: &Field) -> Result<Option<u32>, RequestError> {
    match field.value().as_i64() {
        Some(-1 | 0) => Ok(None),
        _ => field.small_integer(1..=u32::MAX).map(Some),
    }
}
