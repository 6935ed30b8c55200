//! `PUT /v1/entries/{key}`: storing an entry.

use super::app::App;
use super::body::read_entry;
use super::entries::key_of;
use super::error::{ApiError, Code};
use super::leases::token_in;
use crate::cache::Kept;
use crate::clock::now_ms;
use crate::stored::Stored;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use spillway_contract::cache::protocol::{ENTRIES_PATH, Tier};
use std::sync::Arc;

/// How far whoever stores may be ahead of our clock.
const MAX_AHEAD_MS: u64 = 300_000;

pub(super) async fn store(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    match take(&app, request).await {
        Ok(()) => {
            app.metrics.request("store", "stored");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            app.metrics.request("store", error.code().as_str());
            error.into_response()
        }
    }
}

async fn take(app: &App, request: Request<Body>) -> Result<(), ApiError> {
    let key = key_of(request.uri(), ENTRIES_PATH)?;
    let lease = token_in(request.headers())?;
    let _place = app.take()?;
    let bytes = read_entry(request, app).await?;
    let damaged = |damage| ApiError::new(Code::Damaged, format!("the body is no entry: {damage}"));
    let entry = Stored::read(bytes, 0).map_err(damaged)?;
    if *entry.key() != key {
        return Err(ApiError::new(Code::OtherKey, "the body is the entry of another key than the path"));
    }
    let now = now_ms();
    if entry.lifetime().stored_at_ms > now.saturating_add(MAX_AHEAD_MS) {
        let message = "the entry was stored in the future: more than 300 s ahead of this clock";
        return Err(ApiError::new(Code::InTheFuture, message));
    }
    if !entry.is_live(now) {
        return Err(ApiError::new(Code::Expired, "the entry has no time left"));
    }
    match app.cache.store(entry, lease) {
        Ok(Kept { is_full: false, .. }) => Ok(()),
        Ok(Kept { in_memory, .. }) => {
            let message = "the queues of all tiers behind memory are full";
            let error = ApiError::new(Code::QueueFull, message).retry_after_s(1);
            Err(if in_memory { error.kept_in(Tier::Memory) } else { error })
        }
        Err(_) => Err(ApiError::new(Code::Purged, "the entry was purged while it was computed")),
    }
}
