//! The command line.
//!
//! Units are in the names, ranges in the help, and a value out of range is refused before anything starts.

mod also;
mod embedding_args;
mod model_args;
mod ranges;
mod server_args;
mod simulated_args;
#[cfg(test)]
mod tests;

pub use also::{AlsoFrom, AlsoModel};
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
use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use spillway_weights::WeightsCache;
use spillway_weights::cli::CacheArgs;
use std::sync::Arc;
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

    /// What the engines of the language models are made of, beside one for embeddings perhaps. Called where a runtime is: the
    /// weights cache works there.
    ///
    /// # Errors
    /// When there is no model, or the weights cache cannot be opened.
    pub fn model_configs(
        &self,
        compute: &Compute,
        embedding: Option<&bert::Config>,
        metrics: &Metrics,
    ) -> anyhow::Result<Vec<model::Config>> {
        let (sources, budget) = (self.sources(metrics)?, self.budget(embedding)?);
        let config = |(name, source)| model::Config {
            name,
            source,
            compute: compute.clone(),
            budget: budget.clone(),
            cache_dir: self.model.cache_dir.clone(),
            slots: size(self.slots),
            queue: size(self.queue_requests),
            kv_cache_bytes: size(self.model.kv_cache_mib) << 20,
            max_prompt_tokens: size(self.max_prompt_tokens),
            default_output_tokens: self.default_output_tokens,
            step_limit: self.step_limit(),
        };
        Ok(sources.into_iter().map(config).collect())
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

    /// The names of all models that there are options for.
    ///
    /// # Errors
    /// When two have the same.
    pub fn check_names(&self) -> anyhow::Result<()> {
        let mut names = vec![("--model-name", &self.model_name)];
        names.extend(self.model.also_model.iter().map(|also| ("--also-model", &also.name)));
        names.push(("--embedding-model-name", &self.embedding.embedding_model_name));
        for (at, (option, name)) in names.iter().enumerate() {
            let earlier = names.iter().take(at).find(|(_, earlier)| earlier == name);
            ensure!(earlier.is_none(), "{option}: expected a name that no other model has, got {name:?}");
        }
        Ok(())
    }

    /// The memory that the models may use, where that is bounded, less what is needed for embeddings.
    fn budget(&self, embedding: Option<&bert::Config>) -> anyhow::Result<Option<Budget>> {
        let Some(mib) = self.model.memory_mib else { return Ok(None) };
        let budget = Budget::new(u64::from(mib) << 20);
        if let Some(embedding) = embedding {
            let model = self.embedding.embedding_model_name.clone();
            let weights = bert::weights_bytes(&embedding.folder)?;
            budget.take(Need { model, weights, keys_and_values: 0 }).context("--memory-mib")?;
        }
        Ok(Some(budget))
    }

    /// The names of the language models, and where they come from.
    fn sources(&self, metrics: &Metrics) -> anyhow::Result<Vec<(String, Source)>> {
        let first = match (&self.model.model_file, &self.model.weights_model) {
            (Some(file), _) => AlsoFrom::File(file.clone()),
            (None, Some(name)) => AlsoFrom::Weights(name.clone()),
            (None, None) => bail!(
                "--engine model needs --model-file <FILE>, a model in GGUF format, or --weights-model <NAME>"
            ),
        };
        let mut opened: Option<Arc<WeightsCache>> = None;
        let mut source = |from: &AlsoFrom, sha256| {
            let name = match from {
                AlsoFrom::File(file) => return anyhow::Ok(Source::File(file.clone())),
                AlsoFrom::Weights(name) => name.clone(),
            };
            let cache = match &opened {
                Some(cache) => Arc::clone(cache),
                None => {
                    let cache = WeightsCache::open(&self.weights.config()?, metrics.weights.clone())?;
                    Arc::clone(opened.insert(Arc::new(cache)))
                }
            };
            Ok(Source::Cached(Box::new(Cached { cache, name, sha256, runtime: Handle::current() })))
        };
        let mut sources = vec![(self.model_name.clone(), source(&first, self.model.weights_sha256)?)];
        for AlsoModel { name, from } in &self.model.also_model {
            sources.push((name.clone(), source(from, None)?));
        }
        Ok(sources)
    }

    fn step_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.model.step_limit_s))
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
