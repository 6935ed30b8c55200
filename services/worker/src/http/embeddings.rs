//! `/v1/embeddings`: from the request to the engine and back.

use super::app::App;
use super::body::read_json;
use super::error::ApiError;
use super::generate::refuse_while_draining;
use super::model;
use super::taken::Taken;
use super::urgency::Urgency;
use crate::engine::{Broken, Disruption, EmbeddingJob, EmbeddingModel, EmbeddingRefusal, Vectors};
use crate::metrics::Flight;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use spillway_contract::error_body::ErrorCode;
use spillway_inference::request::{EmbeddingRequest, Encoding, Inputs};
use spillway_inference::response::{EmbeddingAnswer, Usage};
use spillway_serving::reset::ResetHandle;
use std::sync::Arc;
use std::time::Instant;

/// `POST /v1/embeddings`
pub(super) async fn embed(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(error) => {
            app.metrics.count(error.outcome());
            error.into_response()
        }
    }
}

/// A request that is refused is counted by the caller, a request that is taken by its [`Flight`].
async fn answer(app: &Arc<App>, request: Request<Body>) -> Result<Response, ApiError> {
    refuse_while_draining(app)?;
    let own = model::for_vectors(&app.models)?;
    let reset = request.extensions().get::<ResetHandle>().cloned();
    let Urgency { level, deadline } = Urgency::of(request.headers(), &app.levels, Instant::now());
    let asked = EmbeddingRequest::parse(&read_json(request, &app.limits).await?)?;
    model::is_for_vectors(&app.models, own, &asked.model)?;
    check_dimensions(own, asked.dimensions)?;

    let inputs = Arc::new(asked.inputs);
    let job = EmbeddingJob { inputs: Arc::clone(&inputs), level, deadline };
    let embedding = own.engine.embed(job).await.map_err(|refusal| explain(&refusal, &inputs))?;
    drop(inputs);
    let mut taken = Taken { flight: Flight::embedding(Arc::clone(&app.metrics), Instant::now()), reset };
    let disruption = embedding.delivery.disruption;
    taken = match taken.disrupted(disruption).await {
        Ok(response) => return Ok(response),
        Err(taken) => taken,
    };
    // The place is held until there is an answer: a client that leaves drops both.
    let _hold = embedding.hold;
    let vectors = match embedding.vectors.await {
        Ok(Ok(vectors)) => vectors,
        Ok(Err(why)) => return Ok(taken.broken(&why)),
        Err(_) => return Ok(taken.broken(&Broken::Failed("it ended without a word".to_owned()))),
    };
    if let Some(Disruption::ResetAfterEvents(_)) = disruption {
        return Ok(taken.reset_connection().await);
    }
    let prompt_tokens = embedding.prompt_tokens;
    let Some(json) = written(own.name.clone(), vectors, asked.encoding, prompt_tokens).await else {
        return Ok(taken.failed("the vectors could not be written"));
    };
    taken.flight.completed(Usage { prompt_tokens, completion_tokens: 0 });
    Ok(taken.whole(json, disruption))
}

/// The body of the answer. Thousands of vectors take tens of milliseconds to write: not on a thread that moves bytes.
async fn written(model: String, vectors: Vectors, encoding: Encoding, prompt_tokens: u32) -> Option<Vec<u8>> {
    let write = move || {
        serde_json::to_vec(&EmbeddingAnswer { model: &model, vectors: &vectors, encoding, prompt_tokens })
            .ok()
    };
    tokio::task::spawn_blocking(write).await.ok().flatten()
}

/// A shorter vector would be another one, which this model was not trained for: none is made up.
fn check_dimensions(model: &EmbeddingModel, asked: Option<u32>) -> Result<(), ApiError> {
    let (Some(asked), Some(own)) = (asked, model.engine.dimensions()) else { return Ok(()) };
    if usize::try_from(asked).is_ok_and(|asked| asked == own) {
        return Ok(());
    }
    let message = format!("dimensions: expected {own}, the only length of {:?}, got {asked}", model.name);
    Err(ApiError::new(ErrorCode::InvalidRequest, message).param("dimensions"))
}

/// A refusal with the path of the input that it is about.
fn explain(refusal: &EmbeddingRefusal, inputs: &Inputs) -> ApiError {
    let (code, path) = match refusal {
        EmbeddingRefusal::Refused(refusal) => return refusal.clone().into(),
        EmbeddingRefusal::InputTooLong { index, .. } => {
            (ErrorCode::ContextLengthExceeded, inputs.path(*index))
        }
        EmbeddingRefusal::TooLong { .. } => (ErrorCode::ContextLengthExceeded, "input".to_owned()),
        EmbeddingRefusal::NoSuchToken { index, position, .. } => {
            (ErrorCode::InvalidRequest, format!("{}[{position}]", inputs.path(*index)))
        }
    };
    ApiError::new(code, format!("{path}: {refusal}")).param(path)
}
