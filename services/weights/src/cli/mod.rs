//! The command line.
//!
//! Every option of the cache can be given in the environment as well. Secrets are read from files, because arguments can
//! be seen by everybody on the machine.

mod cache_args;
mod ranges;

pub use cache_args::CacheArgs;

use crate::digest::Digest;
use crate::name::ModelName;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Publishes weights of models, and fetches them before they are needed.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "spillway-weights", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What is logged to standard error, as in RUST_LOG: a level, or levels by module
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Send a file to the store, and have a name stand for it
    Publish {
        /// The name
        name: ModelName,
        /// The file
        file: PathBuf,
        /// How long a chunk is, in bytes: 65536 to 67108864
        #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = ranges::chunk_bytes)]
        chunk_bytes: u32,
        /// The cache's options.
        #[command(flatten)]
        cache: Box<CacheArgs>,
    },
    /// Fetch a model onto this machine's disk, so that it is there when it is needed
    Pull {
        /// The model's name
        name: ModelName,
        /// It must be the file with this SHA-256
        #[arg(long, value_name = "SHA256")]
        sha256: Option<Digest>,
        /// The cache's options.
        #[command(flatten)]
        cache: Box<CacheArgs>,
    },
    /// List what is on this machine's disk, and what the store has
    List {
        /// The cache's options.
        #[command(flatten)]
        cache: Box<CacheArgs>,
    },
}
