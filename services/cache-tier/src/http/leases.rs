//! `DELETE /v1/leases/{key}`: giving a lease back without an entry.

use super::app::App;
use super::entries::key_of;
use super::error::{ApiError, Code};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use spillway_contract::cache::protocol::{LEASE_HEADER, LEASES_PATH, LeaseToken};
use std::sync::Arc;

pub(super) async fn give_back(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    match take_back(&app, &uri, &headers) {
        Ok(()) => {
            app.metrics.request("give_back", "given_back");
            app.metrics.lease("given_back");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            app.metrics.request("give_back", error.code().as_str());
            error.into_response()
        }
    }
}

fn take_back(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let key = key_of(uri, LEASES_PATH)?;
    let token = token_in(headers)?;
    let token =
        token.ok_or_else(|| ApiError::new(Code::InvalidLease, format!("{LEASE_HEADER} is missing")))?;
    if app.cache.leases.give_back(&key, token) {
        Ok(())
    } else {
        Err(ApiError::new(Code::LeaseNotFound, "there is no such lease, or its time is over"))
    }
}

/// The token of a lease, if the request has one.
pub(super) fn token_in(headers: &HeaderMap) -> Result<Option<LeaseToken>, ApiError> {
    let Some(value) = headers.get(LEASE_HEADER) else { return Ok(None) };
    let token = value.to_str().ok().and_then(LeaseToken::parse);
    let invalid = || ApiError::new(Code::InvalidLease, format!("{LEASE_HEADER}: expected 32 hex digits"));
    token.map(Some).ok_or_else(invalid)
}
