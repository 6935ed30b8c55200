//! `POST /v1/budgets`: what several Envoys have used, added up.

use super::app::App;
use super::body::read_within;
use super::error::{ApiError, Code};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use spillway_contract::cache::protocol::budgets::{MAX_TELL_BYTES, Tell, Told};
use std::sync::Arc;

pub(super) async fn tell(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    match added(&app, request).await {
        Ok((told, outcome)) => {
            app.metrics.request("budgets", outcome);
            Json(told).into_response()
        }
        Err(error) => {
            app.metrics.request("budgets", error.code().as_str());
            error.into_response()
        }
    }
}

async fn added(app: &App, request: Request<Body>) -> Result<(Told, &'static str), ApiError> {
    let _place = app.take()?;
    let body = read_within(request, app, MAX_TELL_BYTES).await?;
    let tell = Tell::parse(&body).map_err(|error| ApiError::new(Code::InvalidBudgets, error.to_string()))?;
    let told = app.budgets.tell(&tell).await.map_err(|fault| {
        ApiError::new(Code::BudgetsUnavailable, format!("it cannot be added up: {fault}")).retry_after_s(1)
    })?;
    let outcome = if told.tenants.len() == tell.tenants.len() { "added" } else { "partly" };
    Ok((told, outcome))
}
