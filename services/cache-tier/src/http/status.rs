//! What the cache tier says about itself.

use super::app::{App, Phase};
use super::error::{ApiError, Code};
use crate::metrics::CONTENT_TYPE;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /health`: the process lives.
pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /ready`: 200 when requests should be sent here. A tier that cannot be reached does not change that: memory
/// serves, and a miss is no error.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    match app.phase() {
        Phase::Serving => (StatusCode::OK, Json(json!({"status": "ready"}))),
        Phase::Leaving | Phase::Draining => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"})))
        }
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.exposition.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => ApiError::new(Code::Internal, "the metrics could not be written").into_response(),
    }
}
