//! A request body with a few of its members set, and every other byte as it was.
//!
//! A filter that asks for less than the client did (a smaller model, a shorter answer) changes a number or a name in a
//! body of hundreds of kilobytes. So the body is read in one pass without a tree, and what is written is the client's
//! own text around the new values: its white space, its order, its way to write numbers.
//!
//! Names are compared after their escapes are resolved: `"max\u005ftokens"` is `max_tokens`. A wanted name that comes
//! twice is an error, because parsers disagree on which of the two counts. Only members of the outermost object are
//! seen. What it does not do: check the values that it is given, or what the request asks for.

mod output;
mod scan;

pub use output::capped_output;

use std::ops::Range;

use serde_json::Value;

use crate::facts::FactsError;
use scan::Text;

/// Why a body was left alone. Says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// Not one JSON object, or nested more than 128 deep.
    #[error(transparent)]
    Unreadable(#[from] FactsError),
    /// A wanted name is there twice, in the body or among the names that were asked for.
    #[error("a member comes twice")]
    Twice,
}

/// The body with these members set: each a name, as text, and a value, as JSON (`256`, `"small"`), which is not
/// checked. The value of a member that is there is replaced; a member that is not is added as the last one.
///
/// # Errors
///
/// [`RewriteError`] when the body is not one JSON object, nested more than 128 deep, or a name comes twice.
pub fn set_members(body: &[u8], members: &[(&str, &str)]) -> Result<Vec<u8>, RewriteError> {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let found = scan::find(body, &names)?;
    let old = found.values.into_iter();
    Ok(written(body, found.is_empty, old.zip(members).map(|(old, (name, new))| Change { old, name, new })))
}

/// The text of a member's value, without white space around it; `None` where there is no such member. How deep the
/// value itself is nested is not looked at.
///
/// # Errors
///
/// As for [`set_members`].
pub fn member<'a>(body: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, RewriteError> {
    let found = scan::find(body, &[name])?;
    Ok(found.values.into_iter().flatten().next().map(|text| text.json.as_bytes()))
}

/// A member that gets a value.
struct Change<'a> {
    /// The value that it has.
    old: Option<Text<'a>>,
    name: &'a str,
    /// The value that it gets, as JSON.
    new: &'a str,
}

/// Writes the body anew. `is_empty`: the object has no members yet.
fn written<'a>(body: &[u8], is_empty: bool, changes: impl Iterator<Item = Change<'a>>) -> Vec<u8> {
    let mut replaced: Vec<(Range<usize>, &str)> = Vec::new();
    let mut added = String::new();
    for Change { old, name, new } in changes {
        if let Some(old) = old {
            replaced.push((old.place, new));
        } else {
            let comma = if is_empty && added.is_empty() { "" } else { "," };
            added.extend([comma, &Value::from(name).to_string(), ":", new]);
        }
    }
    let end = closing_brace(body);
    replaced.push((end..end, &added));
    replaced.sort_unstable_by_key(|(place, _)| place.start);
    splice(body, &replaced)
}

/// The text with each of these places replaced. They are in order and do not overlap.
fn splice(text: &[u8], replaced: &[(Range<usize>, &str)]) -> Vec<u8> {
    let more: usize = replaced.iter().map(|(_, new)| new.len()).sum();
    let mut spliced = Vec::with_capacity(text.len().saturating_add(more));
    let mut from = 0;
    for (place, new) in replaced {
        spliced.extend_from_slice(text.get(from..place.start).unwrap_or_default());
        spliced.extend_from_slice(new.as_bytes());
        from = place.end;
    }
    spliced.extend_from_slice(text.get(from..).unwrap_or_default());
    spliced
}

/// Where the object ends, in a text that is known to be one.
fn closing_brace(body: &[u8]) -> usize {
    body.trim_ascii_end().len().saturating_sub(1)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
