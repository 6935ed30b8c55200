//! Options of the model that makes vectors.

use super::ranges;
use clap::Args;
use std::path::PathBuf;

/// Which embedding model, and what a request may ask of it.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct EmbeddingArgs {
    /// A BERT model for /v1/embeddings: the directory of its config.json, tokenizer.json and model.safetensors. Without it
    /// the model engine has none; the simulated engine makes vectors of its own
    #[arg(long, value_name = "DIRECTORY")]
    pub embedding_model_dir: Option<PathBuf>,

    /// The embedding model's name in requests and in /v1/models
    #[arg(long, value_name = "NAME", default_value = "all-minilm-l6-v2")]
    pub embedding_model_name: String,

    /// The most tokens of all inputs of an embedding request: 1 to 10000000. The model has a limit for each input as well
    #[arg(long, value_name = "TOKENS", default_value_t = 65_536, value_parser = ranges::tokens)]
    pub max_embedding_tokens: u32,
}
