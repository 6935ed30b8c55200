//! Options of the model engine.

use super::{AlsoModel, ranges};
use crate::engine::device::DeviceChoice;
use clap::Args;
use spillway_weights::{Digest, ModelName};
use std::path::PathBuf;

/// Which models, and with what they compute.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ModelArgs {
    /// The model, in GGUF format with its tokenizer and chat template. The model engine needs this or --weights-model
    #[arg(long, value_name = "FILE", conflicts_with = "weights_model")]
    pub model_file: Option<PathBuf>,

    /// The same, by its name in the weights cache
    #[arg(long, value_name = "NAME")]
    pub weights_model: Option<ModelName>,

    /// That name must stand for the file with this SHA-256
    #[arg(long, value_name = "SHA256", requires = "weights_model")]
    pub weights_sha256: Option<Digest>,

    /// One more language model, as NAME=FILE or as NAME=weights:NAME for one of the weights cache. May be given several times.
    /// Each has a thread of its own that computes, and --slots, --queue-requests and --kv-cache-mib of its own
    #[arg(long, value_name = "NAME=SOURCE")]
    pub also_model: Vec<AlsoModel>,

    /// What computes: auto, cpu, or cuda:N for the GPU of that number. auto is the first GPU where this build has CUDA and the
    /// machine a GPU, or else the processor. Embeddings are always the processor's
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// Where the requantised model is kept; by default beside the model, or in --weights-dir
    #[arg(long, value_name = "DIRECTORY")]
    pub cache_dir: Option<PathBuf>,

    /// The most that keys and values of all texts may take, in MiB: 1 to 1048576
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = ranges::mib)]
    pub kv_cache_mib: u32,

    /// The memory that weights, keys and values of all models may take together, in MiB: 1 to 1048576. Where they would take
    /// more the worker does not start. Without it nothing is checked
    #[arg(long, value_name = "MIB", value_parser = ranges::mib)]
    pub memory_mib: Option<u32>,

    /// How long a step may take before the worker counts as stuck and says that it is not ready: 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = ranges::limit_s)]
    pub step_limit_s: u32,

    /// Threads that compute: 1 to 256. More than one only where the cores are free: waiting threads spin
    #[arg(long, value_name = "THREADS", default_value_t = 1, value_parser = ranges::threads)]
    pub threads: u32,
}
