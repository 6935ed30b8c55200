//! An endpoint that answers at once: what is measured is the proxy.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const ANSWER: &[u8] = br#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// Starts it on a free port of loopback; it runs as long as the program.
pub(crate) async fn start() -> Result<SocketAddr> {
    start_with(Answer::default()).await
}

/// What its answers are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) cache_control: Option<&'static str>,
    /// Bytes of white space behind the JSON.
    pub(crate) padding: usize,
}

/// The same, with other answers.
pub(crate) async fn start_with(is: Answer) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connection.set_nodelay(true).ok();
            let answer = service_fn(move |request| answer(request, is));
            let serve = http1::Builder::new().serve_connection(TokioIo::new(connection), answer);
            tokio::spawn(serve);
        }
    });
    Ok(address)
}

async fn answer(request: Request<Incoming>, is: Answer) -> Result<Response<Full<Bytes>>, Infallible> {
    // The body is read whole, as a worker would.
    let _ = request.into_body().collect().await;
    let body = if is.padding == 0 {
        Bytes::from_static(ANSWER)
    } else {
        [ANSWER, " ".repeat(is.padding).as_bytes()].concat().into()
    };
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    if let Some(says) = is.cache_control {
        response.headers_mut().insert("cache-control", hyper::header::HeaderValue::from_static(says));
    }
    Ok(response)
}
