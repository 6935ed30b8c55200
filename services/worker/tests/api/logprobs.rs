//! How likely tokens were, in both APIs, plain and streamed. The simulated engine's words are certain.

use crate::harness::{MODEL, Worker, chat, post};
use serde_json::{Value, json};

/// The only choice of each chunk of a stream.
fn choices(events: &[String]) -> Vec<Value> {
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    chunks.iter().map(|chunk| serde_json::from_str::<Value>(chunk).unwrap()["choices"][0].clone()).collect()
}

/// What a chat says of a text whose words were certain.
fn certain(text: &str, top: bool) -> Vec<Value> {
    let word = |word: &str| json!({"token": word, "logprob": 0.0, "bytes": word.as_bytes()});
    let place = |word_: &str| {
        let mut place = word(word_);
        place["top_logprobs"] = if top { json!([word(word_)]) } else { json!([]) };
        place
    };
    text.split_inclusive(' ').map(place).collect()
}

#[test]
fn of_a_chat() {
    let worker = Worker::default().start();
    for (fields, top) in
        [(json!({"logprobs": true}), false), (json!({"logprobs": true, "top_logprobs": 2}), true)]
    {
        let mut fields = fields;
        (fields["max_tokens"], fields["seed"]) = (json!(4), json!(5));
        let choice = chat(worker.address, fields.clone()).reply().json()["choices"][0].clone();
        let text = choice["message"]["content"].as_str().unwrap();
        let expected = certain(text, top);
        assert_eq!(expected.len(), 4);
        assert_eq!(choice["logprobs"], json!({"content": expected, "refusal": null}));

        fields["stream"] = json!(true);
        let choices = choices(&chat(worker.address, fields).reply().events());
        let streamed: Vec<_> =
            choices.iter().filter_map(|choice| choice["logprobs"]["content"].as_array()).collect();
        assert_eq!(streamed.into_iter().flatten().cloned().collect::<Vec<_>>(), expected);
        assert_eq!((&choices[0]["logprobs"], &choices[5]["logprobs"]), (&Value::Null, &Value::Null));
    }
}

#[test]
fn of_a_completion() {
    let worker = Worker::default().start();
    let ask = |fields: Value| {
        let mut body = json!({"model": MODEL, "prompt": "x", "max_tokens": 3, "seed": 5});
        body.as_object_mut().unwrap().extend(crate::harness::object(fields));
        post(worker.address, "/v1/completions", &body)
    };
    let choice = ask(json!({"logprobs": 1})).json()["choices"][0].clone();
    let words: Vec<_> = choice["text"].as_str().unwrap().split_inclusive(' ').collect();
    let offsets = [0, words[0].len(), words[0].len() + words[1].len()];
    let tops: Vec<_> = words.iter().map(|word| json!({*word: 0.0})).collect();
    let expected = json!({"tokens": words, "token_logprobs": [0.0, 0.0, 0.0], "top_logprobs": tops, "text_offset": offsets});
    assert_eq!(choice["logprobs"], expected);

    let choices = choices(&ask(json!({"logprobs": 1, "stream": true})).events());
    for field in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
        let parts: Vec<_> =
            choices.iter().filter_map(|choice| choice["logprobs"][field].as_array()).collect();
        assert_eq!(json!(parts.into_iter().flatten().collect::<Vec<_>>()), expected[field], "{field}");
    }
}

#[test]
fn nobody_who_does_not_ask_gets_them() {
    let worker = Worker::default().start();
    for fields in [json!({}), json!({"logprobs": false}), json!({"logprobs": null})] {
        let choice = chat(worker.address, fields.clone()).reply().json()["choices"][0].clone();
        assert_eq!(choice.get("logprobs"), Some(&Value::Null), "{fields}");
    }
}

#[test]
fn what_a_stop_string_cuts_off_is_not_there() {
    let worker = Worker::default().start();
    let ask = |stop: Option<&str>| {
        let fields = json!({"seed": 5, "max_tokens": 50, "logprobs": true, "stop": stop});
        chat(worker.address, fields).reply().json()["choices"][0].clone()
    };
    let whole = ask(None);
    let text = whole["message"]["content"].as_str().unwrap();
    let stop = text.split(' ').nth(20).unwrap();
    let before = text.split(stop).next().unwrap();
    let stopped = ask(Some(stop));
    assert_eq!(stopped["message"]["content"], before);
    assert_eq!(stopped["logprobs"]["content"], json!(certain(before, false)));
}
