//! A client of one request, on a socket.

use super::PATIENCE;
use super::reply::Reply;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

/// What a request is made of.
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// A request that was sent.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send(mut self, request: &RequestParts<'_>) -> Self {
        let RequestParts { method, path, headers, body } = request;
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: worker\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in *headers {
            head += &format!("{name}: {value}\r\n");
        }
        self.write(format!("{head}\r\n").as_bytes());
        self.write(body);
        self
    }

    /// Sends JSON.
    pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Self {
        json_request(address, "POST", path, body)
    }

    /// Sends a chat request of one word with these fields.
    pub(crate) fn chat(address: SocketAddr, fields: Value) -> Self {
        let mut body = json!({"model": super::MODEL, "messages": [{"role": "user", "content": "hello"}]});
        body.as_object_mut().unwrap().extend(object(fields));
        Self::post(address, "/v1/chat/completions", &body)
    }

    /// Reads one answer.
    pub(crate) fn reply(&mut self) -> Reply {
        Reply::read(&mut self.stream)
    }

    /// Reads until these bytes have come, which must not be the last ones.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        use std::io::Read;
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let mut byte = [0];
            assert_eq!(self.stream.read(&mut byte).unwrap(), 1, "it ended without {text:?}");
            seen.push(byte[0]);
        }
        String::from_utf8(seen).unwrap()
    }

    /// True when the server closes the connection without a word.
    pub(crate) fn is_closed(&mut self) -> bool {
        use std::io::Read;
        matches!(self.stream.read(&mut [0; 64]), Ok(0) | Err(_))
    }
}

/// The fields of a JSON object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

fn json_request(address: SocketAddr, method: &str, path: &str, body: &Value) -> Client {
    let body = body.to_string();
    let headers = &[("content-type", "application/json")];
    Client::connect(address).send(&RequestParts { method, path, headers, body: body.as_bytes() })
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Reply {
    let request = RequestParts { method: "GET", path, headers: &[], body: b"" };
    Client::connect(address).send(&request).reply()
}

pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Reply {
    json_request(address, "POST", path, body).reply()
}

pub(crate) fn put(address: SocketAddr, path: &str, body: &Value) -> Reply {
    json_request(address, "PUT", path, body).reply()
}
