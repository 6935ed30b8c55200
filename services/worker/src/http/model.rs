//! Which model a request names, and whether that one serves the path.

use super::error::ApiError;
use crate::engine::{EmbeddingModel, Models, Purpose};
use spillway_contract::error_body::ErrorCode;

const TEXT_PATHS: &str = "/v1/chat/completions and /v1/completions";
const EMBEDDING_PATH: &str = "/v1/embeddings";

/// Refuses a request for text that names another model than the one that generates it.
pub(super) fn is_for_text(models: &Models, named: &str) -> Result<(), ApiError> {
    let own = models.text_name();
    match models.purpose(named) {
        Some(Purpose::Text) => Ok(()),
        Some(Purpose::Embedding) => {
            Err(not_found(&format!("{named:?} serves {EMBEDDING_PATH}; {TEXT_PATHS} are served by {own:?}")))
        }
        None => Err(not_found(&format!("{named:?} is not served here, expected {own:?}"))),
    }
}

/// Refuses a request for vectors that names another model than the one that makes them.
pub(super) fn is_for_vectors(models: &Models, own: &EmbeddingModel, named: &str) -> Result<(), ApiError> {
    let own = &own.name;
    match models.purpose(named) {
        Some(Purpose::Embedding) => Ok(()),
        Some(Purpose::Text) => {
            Err(not_found(&format!("{named:?} serves {TEXT_PATHS}; {EMBEDDING_PATH} is served by {own:?}")))
        }
        None => Err(not_found(&format!("{named:?} is not served here, expected {own:?}"))),
    }
}

/// The model that makes vectors.
pub(super) fn for_vectors(models: &Models) -> Result<&EmbeddingModel, ApiError> {
    models.embedding().ok_or_else(|| {
        not_found(&format!(
            "none here serves {EMBEDDING_PATH}: the worker was started without --embedding-model-dir"
        ))
    })
}

fn not_found(why: &str) -> ApiError {
    ApiError::new(ErrorCode::ModelNotFound, format!("model: {why}")).param("model")
}
