//! `/v1/chat/completions`

use crate::harness::{MODEL, Worker, chat, get, post, streamed_text};
use serde_json::{Value, json};
use spillway_fixtures::{Client, End};
use spillway_worker::metrics::Outcome;

#[test]
fn a_plain_answer() {
    let worker = Worker::default().start();
    let reply = chat(worker.address, json!({"max_tokens": 3})).reply();
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let body = reply.json();
    assert_eq!((&body["object"], &body["model"]), (&json!("chat.completion"), &json!(MODEL)));
    let choice = &body["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"].as_str().unwrap().split(' ').count(), 3);
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(body["usage"], json!({"prompt_tokens": 6, "completion_tokens": 3, "total_tokens": 9}));
    assert_eq!(worker.requests(Outcome::Completed), 1);
}

#[test]
fn a_streamed_answer() {
    let worker = Worker::default().start();
    let reply = chat(worker.address, json!({"stream": true, "max_tokens": 3})).reply();
    assert_eq!((reply.status, reply.end), (200, End::Whole));
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let events = reply.events();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    assert_eq!(chunks.len(), 5, "who speaks, three words, the end");
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert_eq!(chunks[4]["choices"][0]["delta"], json!({}));
    assert_eq!(chunks[4]["choices"][0]["finish_reason"], "length");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["usage"].is_null()));
}

#[test]
fn usage_at_the_end_of_a_stream() {
    let worker = Worker::default().start();
    let fields = json!({"stream": true, "max_tokens": 3, "stream_options": {"include_usage": true}});
    let events = chat(worker.address, fields).reply().events();
    let usage: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"], json!({"prompt_tokens": 6, "completion_tokens": 3, "total_tokens": 9}));
}

#[test]
fn plain_and_streamed_answers_say_the_same() {
    let worker = Worker::default().start();
    let plain = chat(worker.address, json!({"seed": 5})).reply().json();
    let streamed = chat(worker.address, json!({"seed": 5, "stream": true})).reply();
    assert_eq!(plain["choices"][0]["message"]["content"], streamed_text(&streamed));
    assert_eq!(plain["choices"][0]["finish_reason"], "stop", "without a limit the answer ends by itself");
}

#[test]
fn a_stop_string_ends_the_answer_before_it() {
    let worker = Worker::default().start();
    let text = |fields| {
        let choice = chat(worker.address, fields).reply().json()["choices"][0].clone();
        (choice["message"]["content"].as_str().unwrap().to_owned(), choice["finish_reason"].clone())
    };
    let (whole, _) = text(json!({"seed": 5, "max_tokens": 50}));
    let stop = whole.split(' ').nth(20).unwrap();
    let expected = whole.split(stop).next().unwrap().to_owned();
    assert_eq!(text(json!({"seed": 5, "max_tokens": 50, "stop": stop})), (expected, json!("stop")));
}

#[test]
fn ids_differ() {
    let worker = Worker::default().start();
    let id = || chat(worker.address, json!({})).reply().json()["id"].as_str().unwrap().to_owned();
    let (first, second) = (id(), id());
    assert!(first.starts_with("chatcmpl-") && second.starts_with("chatcmpl-"));
    assert_ne!(first, second);
}

#[test]
fn one_connection_serves_many_requests() {
    let worker = Worker::default().start();
    let mut client = Client::connect(worker.address);
    let body = json!({"model": MODEL, "prompt": "a", "stream": true}).to_string();
    for _ in 0..3 {
        let head = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
        client.write(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
        assert_eq!(client.reply().events().last().unwrap(), "[DONE]");
    }
}

#[test]
fn the_model_is_listed() {
    let worker = Worker::default().start();
    let models = get(worker.address, "/v1/models").json();
    assert_eq!((&models["object"], &models["data"][0]["id"]), (&json!("list"), &json!(MODEL)));
}

#[test]
fn content_in_parts_and_unknown_fields_are_taken() {
    let worker = Worker::default().start();
    let parts = json!([{"type": "text", "text": "Say "}, {"type": "text", "text": "hello."}]);
    let messages = json!([{"role": "user", "content": parts}]);
    let body = json!({"model": MODEL, "messages": messages, "user": "u", "store": false});
    assert_eq!(post(worker.address, "/v1/chat/completions", &body).status, 200);
}
