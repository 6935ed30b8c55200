//! `/simulated/behaviour`: how the simulated engine behaves, and changing it.

use super::app::App;
use super::body::read_json;
use super::error::ApiError;
use crate::engine::simulated::{Behaviour, Change, Simulated};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use spillway_contract::error_body::ErrorCode;
use std::sync::Arc;

/// `GET /simulated/behaviour`
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Json<Behaviour>, ApiError> {
    Ok(Json(engine(&app)?.behaviour()))
}

/// `PUT /simulated/behaviour`: what the body does not name goes back to what the worker was started with.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Json<Behaviour>, ApiError> {
    let body = read_json(request, &app.limits).await?;
    let change: Change = serde_json::from_slice(&body).map_err(|error| {
        ApiError::new(ErrorCode::InvalidRequest, format!("the behaviour cannot be read: {error}"))
    })?;
    let behaviour = engine(&app)?
        .change(change)
        .map_err(|error| ApiError::new(ErrorCode::InvalidRequest, error.to_string()).param(error.field()))?;
    tracing::info!(?behaviour, "the behaviour was changed");
    Ok(Json(behaviour))
}

fn engine(app: &App) -> Result<&Simulated, ApiError> {
    let no_engine = || ApiError::new(ErrorCode::PathNotFound, "this worker has no simulated engine");
    app.simulated.as_deref().ok_or_else(no_engine)
}
