//! The command line.
//!
//! Units are in the names, ranges in the help, and a value out of range is refused before anything starts.

mod embedding_args;
mod model_args;
mod ranges;
mod server_args;
mod simulated_args;
#[cfg(test)]
mod tests;

pub use embedding_args::EmbeddingArgs;
pub use model_args::ModelArgs;
pub use server_args::ServerArgs;
pub use simulated_args::SimulatedArgs;

use crate::engine::budget::{Budget, Need};
use crate::engine::device::Compute;
use crate::engine::model::{Cached, Source};
use crate::engine::{bert, model, simulated};
use crate::http::LEVELS;
use crate::metrics::Metrics;
use anyhow::{bail, ensure};
use clap::{Parser, ValueEnum};
use spillway_weights::WeightsCache;
use spillway_weights::cli::CacheArgs;
use std::time::Duration;
use tokio::runtime::Handle;

/// Serves a language model and an embedding model, or a simulation of them, with an OpenAI-compatible API.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "spillway-worker", version)]
pub struct Args {
    /// What generates text
    #[arg(long, value_enum, default_value_t = EngineKind::Model)]
    pub engine: EngineKind,

    /// The model's name in requests and in /v1/models
    #[arg(long, value_name = "NAME", default_value = "smollm2-135m-instruct")]
    pub model_name: String,

    /// The longest prompt, in tokens: 1 to 10000000. The model's own context is a limit as well
    #[arg(long, value_name = "TOKENS", default_value_t = 4096, value_parser = ranges::tokens)]
    pub max_prompt_tokens: u32,

    /// The most tokens a request may ask for: 1 to 10000000
    #[arg(long, value_name = "TOKENS", default_value_t = 2048, value_parser = ranges::tokens)]
    pub max_output_tokens: u32,

    /// The length of an answer whose request does not say, in tokens: 1 to 10000000
    #[arg(long, value_name = "TOKENS", default_value_t = 256, value_parser = ranges::tokens)]
    pub default_output_tokens: u32,

    /// Requests that run at the same time: 1 to 100000. The model works on them together
    #[arg(long, value_name = "REQUESTS", default_value_t = 8, value_parser = ranges::at_least_one)]
    pub slots: u32,

    /// How many requests may wait for a slot: 0 to 100000. More are refused with 503
    #[arg(long, value_name = "REQUESTS", default_value_t = 64, value_parser = ranges::count)]
    pub queue_requests: u32,

    /// The names of the priority levels in the header x-spillway-priority, most important first; a request with none of
    /// them is in their middle
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = LEVELS.map(str::to_owned))]
    pub priority_levels: Vec<String>,

    /// The server's options.
    #[command(flatten)]
    pub server: ServerArgs,

    /// The options of the model engine.
    #[command(flatten)]
    pub model: ModelArgs,

    /// The options of the weights cache.
    #[command(flatten)]
    pub weights: CacheArgs,

    /// The options of the model that makes vectors.
    #[command(flatten)]
    pub embedding: EmbeddingArgs,

    /// The options of the simulated engine.
    #[command(flatten)]
    pub simulated: SimulatedArgs,

    /// What is logged to standard error, as in RUST_LOG: a level, or levels by module
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// What generates text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// A language model.
    Model,
    /// A service-time model: answers take their time, and nothing is computed.
    Simulated,
}

impl Args {
    /// What the simulated engine is made of.
    #[must_use]
    pub fn simulated_config(&self) -> simulated::Config {
        simulated::Config {
            slots: size(self.slots),
            queue: size(self.queue_requests),
            rates: self.simulated.rates(),
            seed: self.simulated.seed,
            default_output_tokens: self.default_output_tokens,
            max_prompt_tokens: size(self.max_prompt_tokens),
            max_embedding_tokens: size(self.embedding.max_embedding_tokens),
            behaviour: self.simulated.behaviour(),
        }
    }

    /// What the model engine is made of, beside one for embeddings perhaps. Called where a runtime is: the weights cache works there.
    ///
    /// # Errors
    /// When there is no model, or the weights cache cannot be opened.
    pub fn model_config(
        &self,
        compute: Compute,
        embedding: Option<&bert::Config>,
        metrics: &Metrics,
    ) -> anyhow::Result<model::Config> {
        Ok(model::Config {
            name: self.model_name.clone(),
            source: self.model_source(metrics)?,
            compute,
            budget: self.budget(embedding)?,
            cache_dir: self.model.cache_dir.clone(),
            slots: size(self.slots),
            queue: size(self.queue_requests),
            kv_cache_bytes: size(self.model.kv_cache_mib) << 20,
            max_prompt_tokens: size(self.max_prompt_tokens),
            default_output_tokens: self.default_output_tokens,
            step_limit: self.step_limit(),
        })
    }

    /// What the embedding engine is made of, where there is to be one.
    #[must_use]
    pub fn embedding_config(&self) -> Option<bert::Config> {
        Some(bert::Config {
            folder: self.embedding.embedding_model_dir.clone()?,
            queue: size(self.queue_requests),
            max_request_tokens: size(self.embedding.max_embedding_tokens),
            step_limit: self.step_limit(),
        })
    }

    /// The models' names.
    ///
    /// # Errors
    /// When two have the same.
    pub fn names(&self) -> anyhow::Result<(String, String)> {
        let (text, vectors) = (&self.model_name, &self.embedding.embedding_model_name);
        ensure!(
            text != vectors,
            "--embedding-model-name: expected another name than that of the language model, got {vectors:?}"
        );
        Ok((text.clone(), vectors.clone()))
    }

    /// The memory that the models may use, where that is bounded.
    fn budget(&self, embedding: Option<&bert::Config>) -> anyhow::Result<Option<Budget>> {
        let Some(mib) = self.model.memory_mib else { return Ok(None) };
        let need = |embedding: &bert::Config| {
            let model = self.embedding.embedding_model_name.clone();
            anyhow::Ok(Need { model, weights: bert::weights_bytes(&embedding.folder)?, keys_and_values: 0 })
        };
        let others = embedding.map(need).transpose()?.into_iter().collect();
        Ok(Some(Budget { bytes: u64::from(mib) << 20, others }))
    }

    fn model_source(&self, metrics: &Metrics) -> anyhow::Result<Source> {
        match (&self.model.model_file, &self.model.weights_model) {
            (Some(file), _) => Ok(Source::File(file.clone())),
            (None, Some(name)) => {
                let cache = WeightsCache::open(&self.weights.config()?, metrics.weights.clone())?;
                let (name, sha256, runtime) = (name.clone(), self.model.weights_sha256, Handle::current());
                Ok(Source::Cached(Box::new(Cached { cache, name, sha256, runtime })))
            }
            (None, None) => bail!(
                "--engine model needs --model-file <FILE>, a model in GGUF format, or --weights-model <NAME>"
            ),
        }
    }

    fn step_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.model.step_limit_s))
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
