//! Nothing that a client says in confidence is logged, counted or repeated in an error.

use crate::harness::{MODEL, get, process};
use serde_json::{Value, json};
use spillway_fixtures::{Client, RequestParts};

const MARKER: &str = "MARKER-0815";

#[test]
fn prompts_and_credentials_stay_where_they_are() {
    let mut worker = process(&["--engine", "simulated", "--model-name", MODEL, "--log", "trace"]);
    let address = worker.address();
    let headers = &[("content-type", "application/json"), ("authorization", MARKER)];
    let send = |path: &str, body: &Value| {
        let body = body.to_string();
        let request = RequestParts { method: "POST", path, headers, body: body.as_bytes() };
        Client::connect(address).send(&request).reply()
    };
    let chat = |content: Value| json!({"model": MODEL, "max_tokens": 2, "messages": [{"role": "user", "content": content}]});
    let chat_path = "/v1/chat/completions";
    assert_eq!(send(chat_path, &chat(json!(MARKER))).status, 200);
    for (path, body) in [
        (chat_path, chat(json!({"text": MARKER}))),
        (chat_path, chat(json!([MARKER]))),
        (chat_path, json!({"model": MODEL, "messages": MARKER})),
        (chat_path, json!({"model": MODEL, "messages": [MARKER]})),
        ("/v1/completions", json!({"model": MODEL, "prompt": [MARKER, MARKER]})),
        ("/v1/completions", json!({"model": MODEL, "prompt": "x", "stop": {"x": MARKER}})),
        ("/v1/embeddings?key=MARKER-0815", json!({"input": MARKER})),
    ] {
        let reply = send(path, &body);
        assert!(reply.status >= 400, "{body}");
        assert!(!reply.text().contains(MARKER), "{}", reply.text());
    }
    assert!(!get(address, "/metrics").text().contains(MARKER));
    assert!(worker.log().contains("request ended"), "the log holds everything");
    assert!(!worker.log().contains(MARKER), "{}", worker.log());
}
