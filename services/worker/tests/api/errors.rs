//! Requests that cannot be served: status, body and headers, word for word.

use crate::harness::{MODEL, Worker, chat, object, put};
use serde_json::{Value, json};
use spillway_fixtures::{Client, Reply, RequestParts};
use spillway_worker::metrics::Outcome;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[track_caller]
fn check(reply: &Reply, status: u16, message: &str, kind: &str, param: Option<&str>, code: &str) {
    let expected = json!({"error": {"message": message, "type": kind, "param": param, "code": code}});
    assert_eq!((reply.status, reply.json()), (status, expected));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let report = reply.header("endpoint-load-metrics").expect("every answer has a load report");
    assert!(report.starts_with("TEXT application_utilization="), "{report}");
}

#[test]
fn bodies() {
    let worker = Worker::default().start();
    let refuses = |body: &[u8], param: Option<&str>, message: &str| {
        let request = RequestParts { method: "POST", path: "/v1/chat/completions", headers: JSON, body };
        let reply = Client::connect(worker.address).send(&request).reply();
        check(&reply, 400, message, "invalid_request_error", param, "invalid_request");
    };
    refuses(b"", None, "the body is not valid JSON: EOF while parsing a value at line 1 column 0");
    refuses(b"{", None, "the body is not valid JSON: EOF while parsing an object at line 1 column 1");
    refuses(b"[1]", Some("the body"), "the body: expected a JSON object, got an array of 1");
    refuses(b"\xff\xfe", None, "the body is not valid JSON: expected value at line 1 column 1");
    refuses(b"{}", Some("model"), "model: required, expected the name of a model");
    let with = |fields: Value| {
        let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(object(fields));
        body.to_string().into_bytes()
    };
    refuses(
        &with(json!({"messages": []})),
        Some("messages"),
        "messages: expected an array of at least one message, got an empty array",
    );
    refuses(
        &with(json!({"messages": [{"role": "user", "content": ""}]})),
        Some("messages"),
        "messages: expected some text in at least one message, got only empty messages",
    );
    refuses(&with(json!({"n": 2})), Some("n"), "n: expected 1 (one choice for each request), got 2");
    refuses(
        &with(json!({"temperature": "hot"})),
        Some("temperature"),
        "temperature: expected 0, or a number from 1e-10 to 2, got a string of 3 bytes",
    );
    refuses(
        &with(json!({"max_completion_tokens": 100_001})),
        Some("max_tokens"),
        "max_tokens: expected an integer from 1 to 100000, got 100001",
    );
    assert_eq!(worker.requests(Outcome::Invalid), 10);
}

/// Told before anything is done.
#[test]
fn absurd_ways_to_choose_tokens() {
    let worker = Worker::default().start();
    for (field, value, message) in [
        ("top_k", "-2", "top_k: expected an integer from 1 to 4294967295, got -2"),
        ("top_p", "0", "top_p: expected a number above 0, to 1, got 0"),
        ("top_p", "1.5", "top_p: expected a number above 0, to 1, got 1.5"),
        ("temperature", "1e-300", "temperature: expected 0, or a number from 1e-10 to 2, got 1e-300"),
        ("temperature", "1e999", "temperature: expected numbers that 64 bits can hold, got 1e999"),
        (
            "presence_penalty",
            "-1e999",
            "presence_penalty: expected numbers that 64 bits can hold, got -1e999",
        ),
        ("seed", "0.5", "seed: expected an integer, got 0.5"),
        ("stop", "\"\"", "stop: expected a string of 1 to 256 bytes, got an empty string"),
        ("top_logprobs", "3", "top_logprobs: expected no value unless \"logprobs\" is true, got 3"),
    ] {
        let body = format!(
            r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"x"}}],"{field}":{value}}}"#
        );
        let path = "/v1/chat/completions";
        let request = RequestParts { method: "POST", path, headers: JSON, body: body.as_bytes() };
        let reply = Client::connect(worker.address).send(&request).reply();
        check(&reply, 400, message, "invalid_request_error", Some(field), "invalid_request");
    }
    assert_eq!((worker.requests(Outcome::Invalid), worker.app.metrics.text.prompt_tokens.get()), (9, 0));
}

#[test]
fn forms_that_cannot_be_had() {
    let worker = Worker::default().start();
    let refuses = |format: Value, param: &str, message: &str| {
        let reply = chat(worker.address, json!({"response_format": format})).reply();
        check(&reply, 400, message, "invalid_request_error", Some(param), "invalid_request");
    };
    refuses(
        json!({"type": "json"}),
        "response_format.type",
        "response_format.type: expected one of text, json_object, json_schema, got \"json\"",
    );
    refuses(
        json!({"type": "json_object"}),
        "response_format",
        "response_format: the simulated engine answers in plain words, leave it out or set it to {\"type\": \"text\"}",
    );
    assert_eq!(chat(worker.address, json!({"response_format": {"type": "text"}})).reply().status, 200);
}

#[test]
fn an_unknown_model() {
    let worker = Worker::default().start();
    let reply = chat(worker.address, json!({"model": "gpt-5"})).reply();
    let message = "model: \"gpt-5\" is not served here, expected \"test-model\"";
    check(&reply, 404, message, "invalid_request_error", Some("model"), "model_not_found");
}

#[test]
fn paths_and_methods() {
    let worker = Worker::default().start();
    let send = |method, path| {
        let request = RequestParts { method, path, headers: &[], body: b"" };
        Client::connect(worker.address).send(&request).reply()
    };
    let kind = "invalid_request_error";
    let reply = send("GET", "/v1/responses?key=secret");
    check(&reply, 404, "GET /v1/responses is not served here", kind, None, "path_not_found");
    for (method, path, allowed) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/completions", "POST"),
        ("GET", "/v1/embeddings", "POST"),
        ("POST", "/v1/models", "GET,HEAD"),
        ("POST", "/simulated/behaviour", "GET,HEAD,PUT"),
    ] {
        let reply = send(method, path);
        check(&reply, 405, &format!("{path} does not take {method}"), kind, None, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allowed), "{path}");
    }
}

#[test]
fn content_types() {
    let worker = Worker::default().start();
    let body = json!({"model": MODEL, "prompt": "x"}).to_string();
    let send = |headers| {
        let request =
            RequestParts { method: "POST", path: "/v1/completions", headers, body: body.as_bytes() };
        Client::connect(worker.address).send(&request).reply()
    };
    for (headers, got) in [
        (&[][..], "none"),
        (&[("content-type", "text/plain")], "another one"),
        (&[("content-type", "application/jsonl")], "another one"),
        (&[("content-type", "application/js\u{f6}n")], "one that is not ASCII"),
    ] {
        let message = format!("content-type: expected application/json, got {got}");
        check(&send(headers), 415, &message, "invalid_request_error", None, "unsupported_media_type");
    }
    assert_eq!(send(&[("content-type", "Application/JSON; charset=utf-8")]).status, 200);
}

#[test]
fn headers_that_are_not_utf8_do_not_matter() {
    let worker = Worker::default().start();
    let body = json!({"model": MODEL, "prompt": "x"}).to_string();
    let mut client = Client::connect(worker.address);
    let head = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    client.write(format!("{head}content-length: {}\r\nx-strange: ", body.len()).as_bytes());
    client.write(b"\xff\xfe\x80\r\n\r\n");
    client.write(body.as_bytes());
    assert_eq!(client.reply().status, 200);
}

#[test]
fn behaviours() {
    let worker = Worker::default().start();
    let refuses = |body: Value, param: Option<&str>, message: &str| {
        let reply = put(worker.address, "/simulated/behaviour", &body);
        check(&reply, 400, message, "invalid_request_error", param, "invalid_request");
    };
    refuses(
        json!({"speed": 2}),
        None,
        "the behaviour cannot be read: unknown field `speed`, expected one of `speed_factor`, `jitter_ratio`, \
         `headers_first`, `ready`, `gpu_utilization`, `fault`, `fault_probability` at line 1 column 8",
    );
    refuses(
        json!({"fault": {"status": {"code": 503, "retry_after": 2}}}),
        None,
        "the behaviour cannot be read: unknown field `retry_after`, expected `code` or `retry_after_s` at line 1 \
         column 44",
    );
    refuses(
        json!({"fault": "explode"}),
        None,
        "the behaviour cannot be read: unknown variant `explode`, expected one of `none`, `status`, \
         `reset_before_headers`, `reset_after_events`, `stall`, `truncate` at line 1 column 18",
    );
    refuses(
        json!({"speed_factor": 0}),
        Some("speed_factor"),
        "speed_factor: expected a number from 0.01 to 100, got 0",
    );
    refuses(
        json!({"fault": {"status": {"code": 200}}}),
        Some("fault.status.code"),
        "fault.status.code: expected a number from 400 to 599, got 200",
    );
    refuses(
        json!({"fault_probability": 1.5}),
        Some("fault_probability"),
        "fault_probability: expected a number from 0 to 1, got 1.5",
    );
}
