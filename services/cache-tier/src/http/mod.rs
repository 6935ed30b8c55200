//! The HTTP interface: see [`spillway_contract::cache::protocol`].

mod app;
mod auth;
mod body;
mod budgets;
mod entries;
mod error;
mod leases;
mod purge;
mod status;
mod store;

pub use app::{App, Limits};
pub use auth::Token;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use spillway_contract::cache::protocol::budgets::BUDGETS_PATH;
use spillway_contract::cache::protocol::{ENTRIES_PATH, LEASES_PATH};
use std::sync::Arc;

/// Everything that the cache tier answers.
pub fn router(app: Arc<App>) -> Router {
    let with_token = Router::new()
        .route(&format!("{ENTRIES_PATH}/{{key}}"), get(entries::find).put(store::store))
        .route(ENTRIES_PATH, delete(purge::purge))
        .route(&format!("{LEASES_PATH}/{{key}}"), delete(leases::give_back))
        .route(BUDGETS_PATH, post(budgets::tell))
        .route_layer(from_fn_with_state(Arc::clone(&app), auth::check));
    with_token
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
        .fallback(error::path_not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .with_state(app)
}
