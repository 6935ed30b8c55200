//! Our worker, asked over HTTP for streamed answers.

use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use spillway_harness::{Client, MODEL, request};

use super::asked::{Answer, Answered, Request};

/// Asks for them all, each at its time.
pub(super) async fn ask(client: &Client, requests: &[Request]) -> Result<Answered> {
    let begun = Instant::now();
    let ask_one = |request: &Request| {
        let (client, request) = (client.clone(), request.clone());
        tokio::spawn(async move {
            tokio::time::sleep(request.after.saturating_sub(begun.elapsed())).await;
            stream(&client, &request).await
        })
    };
    let tasks: Vec<_> = requests.iter().map(ask_one).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await??);
    }
    Ok(Answered { answers, elapsed: begun.elapsed() })
}

async fn stream(client: &Client, Request { prompt, tokens, .. }: &Request) -> Result<Answer> {
    let body = json!({
        "model": MODEL,
        "prompt": prompt,
        "max_tokens": tokens,
        "temperature": 0,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let begun = Instant::now();
    let mut answer = client.stream(request("/v1/completions", &body)).await;
    ensure!(answer.status == 200, "status {}", answer.status);
    let (mut came, mut usage) = (Vec::new(), Value::Null);
    while let Some(event) = answer.next().await.map_err(|error| anyhow!(error))? {
        let Ok(event) = serde_json::from_str::<Value>(&event) else { continue };
        if event.pointer("/choices/0/text").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
            came.push(begun.elapsed());
        }
        if let Some(told) = event.get("usage").filter(|told| !told.is_null()) {
            usage = told.clone();
        }
    }
    let count = |name| usage.get(name).and_then(Value::as_u64).with_context(|| format!("no usage.{name}"));
    Ok(Answer::new(count("prompt_tokens")?, count("completion_tokens")?, &came))
}
