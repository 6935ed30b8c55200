//! The OpenAI-compatible API.
//!
//! A request is read and checked, given to the engine, and its events are turned into one JSON body or a stream of
//! server-sent events; vectors into one JSON body. Every answer, errors too, carries the load report.

mod answer;
mod app;
mod behaviour;
mod body;
mod embeddings;
mod error;
mod generate;
mod load_report;
mod model;
mod plain;
mod sse;
mod status;
mod style;
mod taken;
mod urgency;

pub use app::{App, LEVELS, Limits};
pub use load_report::{Utilization, sample_utilization};

use axum::Router;
use axum::middleware::map_response_with_state;
use axum::routing::{get, post};
use std::sync::Arc;

/// Everything that the worker answers.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/v1/chat/completions", post(generate::chat))
        .route("/v1/completions", post(generate::completion))
        .route("/v1/embeddings", post(embeddings::embed))
        .route("/v1/models", get(status::models))
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics));
    if app.simulated.is_some() {
        router = router.route("/simulated/behaviour", get(behaviour::show).put(behaviour::change));
    }
    router
        .fallback(error::path_not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(map_response_with_state(Arc::clone(&app), load_report::add))
        .with_state(app)
}
