//! A streamed answer, and when its pieces came.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};
use spillway_harness::{Client, MODEL, request};

/// When the pieces of an answer came.
pub(super) struct Streamed {
    pub(super) first: Duration,
    /// Between one piece and the next.
    pub(super) gaps: Vec<Duration>,
    pub(super) tokens: u64,
}

/// How many were asked for. Each prompt begins with another number: of what was asked before, the worker need not read the
/// beginning again.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Asks for an answer of so many tokens to a prompt of about so many words, which nobody has asked before.
pub(super) async fn ask(client: &Client, tokens: u32, words: usize) -> Result<Streamed> {
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    let words = ["the", "village", "by", "a", "sea", "where", "people", "told", "long", "stories"]
        .iter()
        .cycle()
        .take(words);
    let text: Vec<_> = words.copied().collect();
    let body = json!({
        "model": MODEL,
        "prompt": format!("{number} {} and", text.join(" ")),
        "max_tokens": tokens,
        "temperature": 0.8,
        "seed": number,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let begun = Instant::now();
    let mut answer = client.stream(request("/v1/completions", &body)).await;
    ensure!(answer.status == 200, "status {}", answer.status);
    let (mut first, mut last, mut gaps, mut tokens) = (None, begun, Vec::new(), 0);
    while let Some(event) = answer.next().await.map_err(|error| anyhow!(error))? {
        let Ok(event) = serde_json::from_str::<Value>(&event) else { continue };
        tokens = event.pointer("/usage/completion_tokens").and_then(Value::as_u64).unwrap_or(tokens);
        if event.pointer("/choices/0/text").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
            let now = Instant::now();
            if first.is_some() {
                gaps.push(now - last);
            }
            first.get_or_insert(now - begun);
            last = now;
        }
    }
    Ok(Streamed { first: first.unwrap_or_default(), gaps, tokens })
}
