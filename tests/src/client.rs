//! An HTTP client, as a user of the API would be.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::{Events, MODEL};

/// How long a client of the harness waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with its own connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: legacy::Client<HttpConnector, Full<Bytes>>,
    server: SocketAddr,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// A stream of events that is being read.
#[derive(Debug)]
pub struct Streaming {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
    events: Events,
    ready: VecDeque<String>,
}

impl Client {
    /// A client of that server.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { inner, server }
    }

    /// Sends a request whose URI is a path.
    ///
    /// # Errors
    ///
    /// What went wrong before the headers of an answer came.
    pub async fn begin(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, legacy::Error> {
        let (mut parts, body) = request.into_parts();
        parts.uri = format!("http://{}{}", self.server, parts.uri).parse().expect("a path");
        self.inner.request(Request::from_parts(parts, body)).await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// What went wrong, for people.
    pub async fn try_send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let whole = async {
            let response = self.begin(request).await.map_err(|error| format!("{error:?}"))?;
            let (parts, body) = response.into_parts();
            let body =
                body.collect().await.map_err(|error| format!("{}: {error:?}", parts.status))?.to_bytes();
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, whole).await.map_err(|_| format!("no answer within {PATIENCE:?}"))?
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Full::default()).unwrap()).await
    }

    /// Sends a request and reads its answer as a stream of events.
    ///
    /// # Panics
    ///
    /// When no headers of an answer come.
    pub async fn stream(&self, request: Request<Full<Bytes>>) -> Streaming {
        let begun = tokio::time::timeout(PATIENCE, self.begin(request)).await;
        let (parts, body) = begun.expect("headers in time").expect("headers").into_parts();
        let status = parts.status.as_u16();
        Streaming { status, headers: parts.headers, body, events: Events::default(), ready: VecDeque::new() }
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        header(&self.headers, name)
    }
}

impl Streaming {
    /// The data of the next event; `None` at the end.
    ///
    /// # Errors
    ///
    /// How the stream was cut.
    pub async fn next(&mut self) -> Result<Option<String>, String> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            match frame.map_err(|_| format!("no event within {PATIENCE:?}"))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(format!("{error:?}")),
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    self.ready.extend(self.events.feed(&data));
                }
            }
        }
    }

    /// All further events to the end.
    ///
    /// # Errors
    ///
    /// How the stream was cut.
    pub async fn rest(&mut self) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await? {
            all.push(event);
        }
        Ok(all)
    }

    /// A header; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        header(&self.headers, name)
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// A `POST` of JSON.
///
/// # Panics
///
/// When `path` is none.
#[must_use]
pub fn request(path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Full::from(body.to_string())).unwrap()
}

/// A chat request for an answer of that many tokens.
#[must_use]
pub fn chat(max_tokens: u32) -> Request<Full<Bytes>> {
    request("/v1/chat/completions", &chat_body(max_tokens))
}

/// The same, streamed.
#[must_use]
pub fn streamed_chat(max_tokens: u32) -> Request<Full<Bytes>> {
    let mut body = chat_body(max_tokens);
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    request("/v1/chat/completions", &body)
}

fn chat_body(max_tokens: u32) -> Value {
    json!({
        "model": MODEL,
        "messages": [{ "role": "user", "content": "Say hello." }],
        "max_tokens": max_tokens,
    })
}
