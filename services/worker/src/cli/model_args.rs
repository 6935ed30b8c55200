//! Options of the model engine.

use super::ranges;
use clap::Args;
use std::path::PathBuf;

/// Which model, and with what it computes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ModelArgs {
    /// The model, in GGUF format with its tokenizer and chat template. Needed by the model engine
    #[arg(long, value_name = "FILE")]
    pub model_file: Option<PathBuf>,

    /// Where the requantised model is kept; by default beside the model
    #[arg(long, value_name = "DIRECTORY")]
    pub cache_dir: Option<PathBuf>,

    /// The most that keys and values of all texts may take, in MiB: 1 to 1048576
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = ranges::mib)]
    pub kv_cache_mib: u32,

    /// How long a step may take before the worker counts as stuck and says that it is not ready: 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = ranges::limit_s)]
    pub step_limit_s: u32,

    /// Threads that compute: 1 to 256. More than one only where the cores are free: waiting threads spin
    #[arg(long, value_name = "THREADS", default_value_t = 1, value_parser = ranges::threads)]
    pub threads: u32,
}
