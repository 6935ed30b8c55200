//! `/v1/completions`

use crate::harness::{MODEL, Worker, post};
use serde_json::{Value, json};

#[test]
fn a_plain_answer() {
    let worker = Worker::default().start();
    let body = json!({"model": MODEL, "prompt": "Once upon a time", "max_tokens": 2});
    let body = post(worker.address, "/v1/completions", &body).json();
    assert_eq!(body["object"], "text_completion");
    assert!(body["id"].as_str().unwrap().starts_with("cmpl-"));
    assert_eq!(body["choices"][0]["text"].as_str().unwrap().split(' ').count(), 2);
    assert_eq!(body["usage"], json!({"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}));
}

#[test]
fn a_streamed_answer() {
    let worker = Worker::default().start();
    let body = json!({"model": MODEL, "prompt": "Once", "max_tokens": 2, "stream": true});
    let events = post(worker.address, "/v1/completions", &body).events();
    assert_eq!(events.len(), 4, "two words, the end, and [DONE]: {events:?}");
    let end: Value = serde_json::from_str(&events[2]).unwrap();
    assert_eq!(
        (&end["choices"][0]["text"], &end["choices"][0]["finish_reason"]),
        (&json!(""), &json!("length"))
    );
    assert_eq!(events[3], "[DONE]");
}
