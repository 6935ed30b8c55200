//! A shorter answer than the client asked for.

use super::{Change, RewriteError, scan, written};
use crate::api::Api;

const NULL: &str = "null";

/// The names of an API's output limit, of which each counts somewhere; where none is there, the first is set.
fn limits(api: Api) -> &'static [&'static str] {
    match api {
        Api::ChatCompletions => &["max_completion_tokens", "max_tokens"],
        // Our inference worker takes the newer name here too; others do not know it.
        Api::Completions => &["max_tokens", "max_completion_tokens"],
        Api::Responses => &["max_output_tokens"],
        Api::Messages => &["max_tokens"],
        Api::Embeddings => &[],
    }
}

/// The body with an output limit of at most `most` tokens, which should be 1 or more; `None` where it has one already,
/// or the API knows none.
///
/// Every limit that is there is lowered, and one that a server could take for more is set: a negative number is
/// "without end" for some, and the text `"5000"` a number for others. `null` is as good as absent. A server whose own
/// limit for a request without one is below `most` (16 tokens in many that serve `/v1/completions`) may answer at
/// greater length than it would have.
///
/// # Errors
///
/// [`RewriteError`] when the body is not one JSON object, nested more than 128 deep, or has a limit twice.
pub fn capped_output(body: &[u8], api: Api, most: u64) -> Result<Option<Vec<u8>>, RewriteError> {
    let names = limits(api);
    let Some(first) = names.first() else { return Ok(None) };
    let found = scan::find(body, names)?;
    let is_limited = found.values.iter().flatten().any(|value| value.json != NULL);
    let most_text = most.to_string();
    let changes: Vec<Change<'_>> = names
        .iter()
        .zip(found.values)
        .filter(|(name, value)| match value.as_ref().map(|value| value.json) {
            None | Some(NULL) => !is_limited && *name == first,
            Some(json) => !is_at_most(json, most),
        })
        .map(|(name, old)| Change { old, name, new: &most_text })
        .collect();
    Ok((!changes.is_empty()).then(|| written(body, found.is_empty, changes.into_iter())))
}

/// Whether a value, as JSON, is a number from 0 to `most`.
#[allow(clippy::cast_precision_loss, reason = "whole numbers are compared as such")]
fn is_at_most(value: &str, most: u64) -> bool {
    match value.parse::<u64>() {
        Ok(number) => number <= most,
        Err(_) => value.parse::<f64>().is_ok_and(|number| (0.0..=most as f64).contains(&number)),
    }
}
