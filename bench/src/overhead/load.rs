//! A closed loop of a few connections: for CPU time per request, the rate does not matter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Sends to `address` for `slice`; how many requests were answered.
///
/// # Errors
///
/// When a connection breaks or an answer is not 200: a slice with failures measures something else.
pub(super) async fn closed_loop(address: SocketAddr, connections: usize, slice: Duration, body: Bytes) -> Result<u64> {
    let answered = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + slice;
    let loops: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(one_connection(address, end, body.clone(), Arc::clone(&answered))))
        .collect();
    for one in loops {
        one.await??;
    }
    Ok(answered.load(Ordering::Relaxed))
}

async fn one_connection(address: SocketAddr, end: Instant, body: Bytes, answered: Arc<AtomicU64>) -> Result<()> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("{address} cannot be reached"))?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    while Instant::now() < end {
        let request = Request::post("/v1/chat/completions")
            .header("host", "bench")
            .header("content-type", "application/json")
            .body(Full::new(body.clone()))?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        ensure!(response.status() == StatusCode::OK, "{address} answered {}", response.status());
        response.into_body().collect().await?;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    drop(sender);
    driver.await?.ok();
    Ok(())
}
