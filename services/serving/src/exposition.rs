//! Metrics in the text format of OpenMetrics, which Prometheus reads.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;
use std::fmt;

/// The media type of the text.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a service.
#[derive(Debug)]
pub struct Exposition(Registry);

impl Exposition {
    /// Shows what is registered there.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self(registry)
    }

    /// The answer to `GET /metrics`, as of now.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn answer(&self) -> Result<Response, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0)?;
        Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
    }
}

/// A count as a gauge's value.
#[must_use]
pub fn count(value: usize) -> f64 {
    u32::try_from(value).map_or(f64::MAX, f64::from)
}
