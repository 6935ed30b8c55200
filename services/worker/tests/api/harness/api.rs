//! Requests of the API.

use super::MODEL;
use serde_json::{Map, Value, json};
use spillway_fixtures::{Client, Reply, RequestParts, Service};
use std::net::SocketAddr;
use std::process::Command;

/// Starts the program; on a free port, unless the arguments say otherwise.
pub(crate) fn process(arguments: &[&str]) -> Service {
    Service::launch(Command::new(env!("CARGO_BIN_EXE_spillway-worker")), arguments)
}

/// Sends a chat request of one word with these fields.
pub(crate) fn chat(address: SocketAddr, fields: Value) -> Client {
    let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]});
    body.as_object_mut().unwrap().extend(object(fields));
    send(address, "POST", "/v1/chat/completions", &body)
}

/// The fields of a JSON object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Reply {
    Reply::of(address, &RequestParts::get(path))
}

pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Reply {
    send(address, "POST", path, body).reply()
}

pub(crate) fn put(address: SocketAddr, path: &str, body: &Value) -> Reply {
    send(address, "PUT", path, body).reply()
}

/// The text of a chat stream.
pub(crate) fn streamed_text(reply: &Reply) -> String {
    let events = reply.events();
    let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

/// Sends a request with a JSON body.
pub(crate) fn send(address: SocketAddr, method: &str, path: &str, body: &Value) -> Client {
    let body = body.to_string();
    let headers = &[("content-type", "application/json")];
    Client::connect(address).send(&RequestParts { method, path, headers, body: body.as_bytes() })
}
