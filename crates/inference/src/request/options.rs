//! What chat and completion requests have in common: how to generate, and how to answer.

use super::error::RequestError;
use super::fields::{Field, Fields};
use super::format::Format;
use super::sampling::Sampling;
use serde_json::Value;

/// The most stop strings of a request.
pub const MAX_STOPS: usize = 4;
/// The longest stop string, in bytes.
pub const MAX_STOP_BYTES: usize = 256;

/// How to generate an answer and how to send it.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// As a stream of events.
    pub stream: bool,
    /// The stream ends with a chunk that holds the token counts.
    pub include_usage: bool,
    /// The most tokens of the answer, at least 1; `None` leaves it to the server.
    pub max_tokens: Option<u32>,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// The same seed and request give the same answer, as far as the engine can.
    pub seed: Option<u64>,
    /// The answer ends before the first of these texts. At most [`MAX_STOPS`], none of them empty.
    pub stop: Vec<String>,
    /// The answer says how likely its tokens were, and as many of the likeliest at each place.
    pub logprobs: Option<u32>,
    /// The form that the answer is to have.
    pub format: Format,
}

impl Options {
    /// `logprobs` reads what the APIs write differently.
    pub(super) fn take_from(
        fields: &mut Fields,
        logprobs: fn(&mut Fields) -> Result<Option<u32>, RequestError>,
    ) -> Result<Self, RequestError> {
        refuse_unsupported(fields)?;
        let stream = fields.take("stream").map_or(Ok(false), |f| f.boolean())?;
        Ok(Self {
            stream,
            include_usage: include_usage(fields, stream)?,
            max_tokens: max_tokens(fields)?,
            sampling: Sampling::take_from(fields)?,
            seed: fields.take("seed").map(|f| seed(&f)).transpose()?,
            stop: fields.take("stop").map_or(Ok(Vec::new()), stop)?,
            logprobs: logprobs(fields)?,
            format: Format::take_from(fields)?,
        })
    }
}

/// A field, the value that asks for nothing, and whether a value is that.
type Neutral = (&'static str, &'static str, fn(&Value) -> bool);

/// Fields that would change what an answer means.
const NEUTRAL: [Neutral; 5] = [
    ("best_of", "1", |v| v.as_u64() == Some(1)),
    ("echo", "false", |v| v == false),
    ("suffix", "null", |_| false),
    ("logit_bias", "{}", |v| v.as_object().is_some_and(serde_json::Map::is_empty)),
    ("tools", "[]", |v| v.as_array().is_some_and(Vec::is_empty)),
];

/// Refuses what is not served.
fn refuse_unsupported(fields: &mut Fields) -> Result<(), RequestError> {
    if let Some(n) = fields.take("n").filter(|n| n.value().as_u64() != Some(1)) {
        return Err(n.refuse("1 (one choice for each request)"));
    }
    for (param, neutral, asks_for_nothing) in NEUTRAL {
        if fields.take(param).is_some_and(|field| !asks_for_nothing(field.value())) {
            return Err(RequestError::Unsupported { param, neutral });
        }
    }
    Ok(())
}

fn include_usage(fields: &mut Fields, stream: bool) -> Result<bool, RequestError> {
    let Some(options) = fields.take("stream_options") else { return Ok(false) };
    if !stream {
        return Err(options.refuse("no value unless \"stream\" is true"));
    }
    let mut options = options.object("an object such as {\"include_usage\": true}")?;
    options.take("include_usage").map_or(Ok(false), |f| f.boolean())
}

/// `max_completion_tokens` is the newer name; with both, it counts.
fn max_tokens(fields: &mut Fields) -> Result<Option<u32>, RequestError> {
    let older = fields.take("max_tokens").map(|f| tokens(&f)).transpose()?;
    let newer = fields.take("max_completion_tokens").map(|f| tokens(&f)).transpose()?;
    Ok(newer.or(older))
}

fn tokens(field: &Field) -> Result<u32, RequestError> {
    field.small_integer(1..=u32::MAX)
}

fn seed(field: &Field) -> Result<u64, RequestError> {
    let value = field.value();
    value
        .as_u64()
        .or_else(|| value.as_i64().map(i64::cast_unsigned))
        .ok_or_else(|| field.refuse("an integer"))
}

fn stop(field: Field) -> Result<Vec<String>, RequestError> {
    const EXPECTED: &str = "a string or an array of at most 4 strings";
    match field.value() {
        Value::String(_) => Ok(vec![stop_text(field)?]),
        Value::Array(items) if items.len() <= MAX_STOPS => field.items(EXPECTED)?.map(stop_text).collect(),
        _ => Err(field.refuse(EXPECTED)),
    }
}

fn stop_text(field: Field) -> Result<String, RequestError> {
    match field.value() {
        Value::String(text) if (1..=MAX_STOP_BYTES).contains(&text.len()) => field.text("a string"),
        _ => Err(field.refuse(format!("a string of 1 to {MAX_STOP_BYTES} bytes"))),
    }
}
