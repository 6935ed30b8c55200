//! Errors in the middle of a stream.
//!
//! A server that fails when it has already sent 200 can only say so in an event, and some then end the stream as if
//! nothing had happened: `data: {"error": {…}}`, `data: [DONE]`.

use serde::Deserialize;
use serde::de::IgnoredAny;

const NAME: &[u8] = b"\"error\"";

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// Whether any event of a stream is an error.
pub(super) fn hold_an_error(stream: &[u8]) -> bool {
    // An answer may well speak of errors, but inside of its text a quote is escaped.
    stream.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| match line.strip_prefix(b"data:") {
        Some(data) => names_an_error(data) && is_error(data),
        None => line.strip_prefix(b"event:").is_some_and(|name| name.trim_ascii() == b"error"),
    })
}

fn names_an_error(data: &[u8]) -> bool {
    data.windows(NAME.len()).any(|window| window == NAME)
}

/// One that cannot be read counts as an error: it names one.
fn is_error(data: &[u8]) -> bool {
    serde_json::from_slice::<Event>(data).map_or(true, |event| event.error.is_some())
}
