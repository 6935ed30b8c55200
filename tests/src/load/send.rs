//! One request of the traffic, and what becomes of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use spillway_contract::headers::{RETRY_AFTER, SERVED_BY};

use super::{End, Sample};
use crate::Client;

/// How long a request may take before the harness gives up on it.
const LONGEST: Duration = Duration::from_secs(120);

/// How long a client stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until the answer is whole.
    ToTheEnd,
    /// It leaves after this time, wherever the answer is.
    Leaves(Duration),
}

pub(super) async fn send(
    client: &Client,
    number: u64,
    request: Request<Full<Bytes>>,
    patience: Patience,
    start: Instant,
) -> Sample {
    let began = start.elapsed();
    let mut sample = Sample { number, began, ..Sample::default() };
    let (longest, end) = match patience {
        Patience::ToTheEnd => (LONGEST, End::TimedOut),
        Patience::Leaves(after) => (after, End::Left),
    };
    let outcome = tokio::time::timeout(longest, exchange(client, request, &mut sample, start)).await;
    sample.end = match outcome {
        Ok(Ok(())) => End::Whole,
        Ok(Err(error)) => End::Broken(error),
        Err(_) => end,
    };
    sample.took = start.elapsed().saturating_sub(began);
    sample
}

async fn exchange(
    client: &Client,
    request: Request<Full<Bytes>>,
    sample: &mut Sample,
    start: Instant,
) -> Result<(), String> {
    let response = client.begin(request).await.map_err(|error| format!("{error:?}"))?;
    sample.headers = Some(start.elapsed().saturating_sub(sample.began));
    sample.status = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    sample.endpoint = header(SERVED_BY).map(str::to_owned);
    sample.retry_after = header(RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|error| format!("{error:?}"))?.into_data().unwrap_or_default();
        if !data.is_empty() && sample.first_byte.is_none() {
            sample.first_byte = Some(start.elapsed().saturating_sub(sample.began));
        }
        sample.bytes += data.len() as u64;
    }
    Ok(())
}
