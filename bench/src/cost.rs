//! What traffic costs an Envoy in CPU time.

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use spillway_harness::Spillway;
use spillway_harness::load::{Load, Report};

use crate::machine::cpu_nanos;

/// Makes the traffic: what came of it, and microseconds of Envoy's CPU per request. Not a number where there was none.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) async fn measured(spillway: &Spillway, load: Load) -> Result<(Report, f64)> {
    let before = cpu_nanos(spillway.envoy.id())?;
    let report = load.run().await;
    let spent = cpu_nanos(spillway.envoy.id())?.saturating_sub(before);
    let each = spent as f64 / report.samples.len() as f64 / 1000.0;
    Ok((report, each))
}

/// A chat request with that body.
pub(crate) fn chat(body: Bytes) -> Request<Full<Bytes>> {
    let post = Request::post("/v1/chat/completions").header("content-type", "application/json");
    post.body(Full::new(body)).unwrap_or_default()
}
