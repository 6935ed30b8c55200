//! Which model a request names, and whether that one serves the path.

use super::error::ApiError;
use crate::engine::{EmbeddingModel, Models, TextModel};
use spillway_contract::error_body::ErrorCode;

const TEXT_PATHS: &str = "/v1/chat/completions and /v1/completions";
const EMBEDDING_PATH: &str = "/v1/embeddings";

/// The model of that name, for a request for text.
pub(super) fn for_text<'a>(models: &'a Models, named: &str) -> Result<&'a TextModel, ApiError> {
    let own = || expected(models.text().iter().map(|model| model.name.as_str()));
    models.text_of(named).ok_or_else(|| match models.embedding() {
        Some(embedding) if embedding.name == named => {
            not_found(&format!("{named:?} serves {EMBEDDING_PATH}; {TEXT_PATHS} are served by {}", own()))
        }
        _ => not_found(&format!("{named:?} is not served here, expected {}", own())),
    })
}

/// Refuses a request for vectors that names another model than the one that makes them.
pub(super) fn is_for_vectors(models: &Models, own: &EmbeddingModel, named: &str) -> Result<(), ApiError> {
    let own = &own.name;
    if named == own {
        return Ok(());
    }
    Err(match models.text_of(named) {
        Some(_) => {
            not_found(&format!("{named:?} serves {TEXT_PATHS}; {EMBEDDING_PATH} is served by {own:?}"))
        }
        None => not_found(&format!("{named:?} is not served here, expected {own:?}")),
    })
}

/// The model that makes vectors.
pub(super) fn for_vectors(models: &Models) -> Result<&EmbeddingModel, ApiError> {
    models.embedding().ok_or_else(|| {
        not_found(&format!(
            "none here serves {EMBEDDING_PATH}: the worker was started without --embedding-model-dir"
        ))
    })
}

fn expected<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ")
}

fn not_found(why: &str) -> ApiError {
    ApiError::new(ErrorCode::ModelNotFound, format!("model: {why}")).param("model")
}
