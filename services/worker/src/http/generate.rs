//! `/v1/chat/completions` and `/v1/completions`: from the request to the engine.

use super::answer::{Answer, deliver};
use super::app::App;
use super::body::read_json;
use super::error::ApiError;
use super::model;
use super::style::Style;
use super::taken::Taken;
use super::urgency::Urgency;
use crate::engine::{Job, Prompt};
use crate::metrics::Flight;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use spillway_contract::error_body::ErrorCode;
use spillway_inference::request::{ChatRequest, CompletionRequest, Options};
use spillway_serving::life::Phase;
use spillway_serving::reset::ResetHandle;
use std::sync::Arc;
use std::time::Instant;

/// `POST /v1/chat/completions`
pub(super) async fn chat(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let parse = |body: Bytes| {
        let request = ChatRequest::parse(&body)?;
        Ok(Asked { model: request.model, prompt: Prompt::Chat(request.messages), options: request.options })
    };
    counted(app, Style::Chat, request, parse).await
}

/// `POST /v1/completions`
pub(super) async fn completion(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let parse = |body: Bytes| {
        let request = CompletionRequest::parse(&body)?;
        Ok(Asked { model: request.model, prompt: Prompt::Text(request.prompt), options: request.options })
    };
    counted(app, Style::Completion, request, parse).await
}

/// A request of either kind.
struct Asked {
    model: String,
    prompt: Prompt,
    options: Options,
}

/// A request that is refused is counted here, a request that is taken by its [`Flight`].
async fn counted(
    app: Arc<App>,
    style: Style,
    request: Request<Body>,
    parse: impl FnOnce(Bytes) -> Result<Asked, ApiError>,
) -> Response {
    match generate(&app, style, request, parse).await {
        Ok(response) => response,
        Err(error) => {
            app.metrics.count(error.outcome());
            error.into_response()
        }
    }
}

async fn generate(
    app: &Arc<App>,
    style: Style,
    request: Request<Body>,
    parse: impl FnOnce(Bytes) -> Result<Asked, ApiError>,
) -> Result<Response, ApiError> {
    refuse_while_draining(app)?;
    let reset = request.extensions().get::<ResetHandle>().cloned();
    let urgency = Urgency::of(request.headers(), &app.levels, Instant::now());
    let asked = parse(read_json(request, &app.limits).await?)?;
    let model = model::for_text(&app.models, &asked.model)?;
    check_length(app, &asked.options)?;
    let Urgency { level, deadline } = urgency;
    let job = Job { level, deadline, ..Job::new(asked.prompt, &asked.options) };
    let generation = model.engine.submit(job).await?;
    let counts = model.engine.metrics().clone();
    let taken = Taken { flight: Flight::generation(Arc::clone(&app.metrics), counts, Instant::now()), reset };
    let answer = Answer::new(app, &model.name, style, &asked.options, taken);
    Ok(deliver(answer, generation).await)
}

/// The end is near: who routes is to go elsewhere.
pub(super) fn refuse_while_draining(app: &App) -> Result<(), ApiError> {
    if app.life.phase() == Phase::Draining {
        let message = "the worker is about to stop and takes no more requests";
        return Err(ApiError::new(ErrorCode::Draining, message).retry_after_s(1).closing());
    }
    Ok(())
}

fn check_length(app: &App, options: &Options) -> Result<(), ApiError> {
    let limit = app.limits.max_output_tokens;
    if let Some(tokens) = options.max_tokens.filter(|tokens| *tokens > limit) {
        let message = format!("max_tokens: expected an integer from 1 to {limit}, got {tokens}");
        return Err(ApiError::new(ErrorCode::InvalidRequest, message).param("max_tokens"));
    }
    Ok(())
}
