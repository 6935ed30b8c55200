//! What the worker says about itself.

use super::app::App;
use super::error::ApiError;
use crate::engine::Readiness;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use spillway_contract::error_body::ErrorCode;
use spillway_inference::response::ModelList;
use spillway_serving::life::Phase;
use std::sync::Arc;

/// `GET /health`: the process lives. It says nothing about readiness.
pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /ready`: 200 when requests should be sent here, 503 otherwise.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let no = StatusCode::SERVICE_UNAVAILABLE;
    match (app.life.phase(), app.models.readiness()) {
        (Phase::Leaving | Phase::Draining, _) => (no, Json(json!({"status": "draining"}))),
        (Phase::Serving, Readiness::Ready) => (StatusCode::OK, Json(json!({"status": "ready"}))),
        (Phase::Serving, Readiness::Loading { step, percent, bytes }) => {
            let mut body = json!({"status": "loading", "step": step, "progress_percent": percent});
            if let (Some((done, of)), Some(body)) = (bytes, body.as_object_mut()) {
                body.insert("bytes_done".to_owned(), done.into());
                body.insert("bytes_total".to_owned(), of.into());
            }
            (no, Json(body))
        }
        (Phase::Serving, Readiness::Stuck { seconds }) => {
            (no, Json(json!({"status": "stuck", "seconds": seconds})))
        }
        (Phase::Serving, Readiness::NotReady) => (no, Json(json!({"status": "not_ready"}))),
    }
}

/// `GET /v1/models`
pub(super) async fn models(State(app): State<Arc<App>>) -> Response {
    Json(ModelList { names: &app.models.names(), created_s: app.started_s }).into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let broken = |_| ApiError::new(ErrorCode::Internal, "the metrics could not be written").into_response();
    app.exposition.answer().unwrap_or_else(broken)
}
