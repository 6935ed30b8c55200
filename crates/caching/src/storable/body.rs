//! Whether the body is a whole, good answer.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use spillway_inference::api::{Api, Ending};
use spillway_inference::sse::Scanner;

use super::{Unstorable, events};
use crate::media_type::MediaType;

/// Whether an answer may be kept as far as its body says. `is_whole` is whether HTTP ended it as it should.
///
/// # Errors
///
/// Why not.
pub fn by_body(
    media_type: MediaType,
    api: Option<Api>,
    body: &[u8],
    is_whole: bool,
    max_bytes: usize,
) -> Result<(), Unstorable> {
    if body.len() > max_bytes {
        return Err(Unstorable::TooLarge);
    }
    if !is_whole {
        return Err(Unstorable::Incomplete);
    }
    match media_type {
        MediaType::Json => json(api, body),
        MediaType::Events => stream(api, body),
    }
}

/// What matters of an answer in JSON.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: Option<IgnoredAny>,
    /// How far an answer of `/v1/responses` has come.
    #[serde(default)]
    status: Value,
}

fn json(api: Option<Api>, body: &[u8]) -> Result<(), Unstorable> {
    // A list would be read as the members in their order.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let answer: Answer =
        is_object.then(|| serde_json::from_slice(body).ok()).flatten().ok_or(Unstorable::NotJson)?;
    if answer.error.is_some() {
        Err(Unstorable::Error)
    } else if api == Some(Api::Responses) && answer.status != "completed" {
        Err(Unstorable::Unfinished)
    } else {
        Ok(())
    }
}

fn stream(api: Option<Api>, body: &[u8]) -> Result<(), Unstorable> {
    let mut scanner = Scanner::new(api);
    scanner.feed(body);
    scanner.finish();
    match scanner.ending() {
        None => Err(Unstorable::NoTerminalEvent),
        Some(Ending::Incomplete) => Err(Unstorable::Unfinished),
        Some(Ending::Failed) => Err(Unstorable::Error),
        Some(Ending::Completed) if events::hold_an_error(body) => Err(Unstorable::Error),
        Some(Ending::Completed) => Ok(()),
    }
}
