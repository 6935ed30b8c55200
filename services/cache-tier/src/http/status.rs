//! What the cache tier says about itself.

use super::app::App;
use super::error::{ApiError, Code};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use spillway_serving::life::Phase;
use std::sync::Arc;

/// `GET /health`: the process lives.
pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /ready`: 200 when requests should be sent here. A tier that cannot be reached does not change that: memory
/// serves, and a miss is no error.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    match app.life.phase() {
        Phase::Serving => (StatusCode::OK, Json(json!({"status": "ready"}))),
        Phase::Leaving | Phase::Draining => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"})))
        }
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let broken = |_| ApiError::new(Code::Internal, "the metrics could not be written").into_response();
    app.exposition.answer().unwrap_or_else(broken)
}
