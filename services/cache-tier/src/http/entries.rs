//! `GET /v1/entries/{key}`: looking an entry up, and asking who computes it.

use super::app::App;
use super::error::{ApiError, Code, lease_value};
use crate::cache::Hit;
use crate::clock::now_ms;
use crate::leases::{Asked, Told};
use crate::stored::Key;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use spillway_contract::cache::entry::Freshness;
use spillway_contract::cache::key::from_hex;
use spillway_contract::cache::protocol::{
    ENTRIES_PATH, ENTRY_MEDIA_TYPE, LEASE_HEADER, Lease, LeaseToken, Lookup, TIER_HEADER, Tier,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(super) async fn find(State(app): State<Arc<App>>, uri: Uri) -> Response {
    match look_up(&app, &uri).await {
        Ok((hit, lease)) => {
            app.metrics.request("lookup", "hit");
            found(&hit, lease)
        }
        Err(error) => {
            app.metrics.request("lookup", error.code().as_str());
            error.into_response()
        }
    }
}

async fn look_up(app: &App, uri: &Uri) -> Result<(Hit, Option<Lease>), ApiError> {
    let key = key_of(uri, ENTRIES_PATH)?;
    let lookup = Lookup::parse(uri.query().unwrap_or_default())?;
    let place = app.take()?;
    let hit = app.cache.find(&key, lookup.within_ms.map(millis)).await;
    let Some(lease_ms) = lookup.lease_ms else {
        return hit.map(|hit| (hit, None)).ok_or_else(|| ApiError::miss(None));
    };
    let lasts = millis(lease_ms);
    if let Some(hit) = hit {
        let is_stale = hit.entry.lifetime().at(now_ms()) == Freshness::Stale;
        let lease = (lookup.lease_if_stale && is_stale).then(|| app.cache.leases.ask(key, lasts, false));
        return Ok((hit, lease.and_then(|asked| told_at_once(app, &asked))));
    }
    // Who waits is not worked on.
    drop(place);
    let wait_ms = lookup.wait_ms.unwrap_or_default();
    let asked = app.cache.leases.ask(key, lasts, wait_ms > 0);
    match asked {
        Asked::InLine(place) => match place.wait(Instant::now() + millis(wait_ms)).await {
            Some(Told::Entry(entry)) if app.cache.is_allowed(&entry) => {
                Ok((Hit { entry, tier: Tier::Memory }, None))
            }
            Some(Told::Granted(token)) => granted(app, &key, token),
            _ => Err(ApiError::miss(taken(app))),
        },
        Asked::Granted(token) => granted(app, &key, token),
        other => Err(ApiError::miss(told_at_once(app, &other))),
    }
}

/// The asker computes, unless the entry came between the lookup and the lease.
fn granted(app: &App, key: &Key, token: LeaseToken) -> Result<(Hit, Option<Lease>), ApiError> {
    if let Some(hit) = app.cache.find_in_memory(key) {
        app.cache.leases.give_back(key, token);
        return Ok((hit, None));
    }
    app.metrics.lease("granted");
    Err(ApiError::miss(Some(Lease::Granted(token))))
}

fn told_at_once(app: &App, asked: &Asked) -> Option<Lease> {
    match asked {
        Asked::Granted(token) => {
            app.metrics.lease("granted");
            Some(Lease::Granted(*token))
        }
        Asked::Taken | Asked::InLine(_) => taken(app),
        Asked::Full => {
            app.metrics.lease("full");
            None
        }
    }
}

fn taken(app: &App) -> Option<Lease> {
    app.metrics.lease("taken");
    Some(Lease::Taken)
}

fn found(hit: &Hit, lease: Option<Lease>) -> Response {
    let mut response = Response::new(Body::from(hit.entry.bytes()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(ENTRY_MEDIA_TYPE));
    headers.insert(TIER_HEADER, HeaderValue::from_static(hit.tier.as_str()));
    if let Some(value) = lease.and_then(lease_value) {
        headers.insert(LEASE_HEADER, value);
    }
    response
}

/// The key at the end of a path.
pub(super) fn key_of(uri: &Uri, below: &str) -> Result<Key, ApiError> {
    let key = uri.path().strip_prefix(below).and_then(|path| path.strip_prefix('/'));
    key.and_then(from_hex).ok_or_else(|| ApiError::new(Code::InvalidKey, "a key is 64 hex digits"))
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(u64::from(millis))
}
