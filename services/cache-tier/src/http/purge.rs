//! `DELETE /v1/entries`: purging.

use super::app::App;
use super::error::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use spillway_contract::cache::protocol::{Purge, Tier};
use std::sync::Arc;

pub(super) async fn purge(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let purge = match Purge::parse(uri.query().unwrap_or_default()) {
        Ok(purge) => purge,
        Err(error) => {
            let error = ApiError::from(error);
            app.metrics.request("purge", error.code().as_str());
            return error.into_response();
        }
    };
    // It is not refused when much is going on: a purge is what an operator needs then.
    let purged = app.cache.purge(&purge).await;
    let (status, outcome) = if purged.pending.is_empty() {
        (StatusCode::OK, "purged")
    } else {
        (StatusCode::ACCEPTED, "pending")
    };
    app.metrics.request("purge", outcome);
    let pending: Vec<_> = purged.pending.into_iter().map(Tier::as_str).collect();
    (status, Json(json!({"purged_from_memory": purged.from_memory, "pending": pending}))).into_response()
}
