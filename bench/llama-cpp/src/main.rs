//! llama.cpp, doing what the inference worker is asked in the same benchmark.
//!
//! A line of JSON on standard input is a set of requests; the line that answers it on standard output says when each token
//! of each of them came. Between two lines nothing is computed, so that others can be measured meanwhile. There is no HTTP
//! and nobody reads the text: what is measured is the engine.

mod batching;
mod request;

use std::io::{BufRead, Write, stdin, stdout};
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use batching::Engine;

/// How llama.cpp is set. The defaults are those of its own server, but for threads.
#[derive(Parser)]
#[command(about)]
struct Options {
    /// The model, a GGUF file
    #[arg(long)]
    model_file: PathBuf,
    /// Threads that compute
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Requests that are worked on together
    #[arg(long, default_value_t = 16)]
    slots: u32,
    /// Tokens that a request may come to, its prompt included
    #[arg(long, default_value_t = 512)]
    context: u32,
    /// Tokens that are handed over at once (n_batch)
    #[arg(long, default_value_t = 2_048)]
    batch: u32,
    /// Tokens that pass through the model at once (n_ubatch)
    #[arg(long, default_value_t = 512)]
    micro_batch: u32,
    /// One place for keys and values of all requests instead of one for each (kv_unified)
    #[arg(long)]
    unified: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut backend = LlamaBackend::init()?;
    backend.void_logs();
    let shown = options.model_file.display();
    let model = LlamaModel::load_from_file(&backend, &options.model_file, &LlamaModelParams::default())
        .with_context(|| format!("{shown} cannot be loaded"))?;
    let context = model.new_context(&backend, options.context_params()).context("there is no context")?;
    let mut engine = Engine::new(&model, context, options.slots)?;
    for line in stdin().lock().lines() {
        let asked = serde_json::from_str(&line?).context("the line is no set of requests")?;
        let answered = serde_json::to_string(&engine.answer(&asked)?)?;
        let mut out = stdout().lock();
        writeln!(out, "{answered}").and_then(|()| out.flush())?;
    }
    Ok(())
}

impl Options {
    fn context_params(&self) -> LlamaContextParams {
        LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(self.slots * self.context))
            .with_n_seq_max(self.slots)
            .with_n_batch(self.batch)
            .with_n_ubatch(self.micro_batch)
            .with_n_threads(self.threads)
            .with_n_threads_batch(self.threads)
            .with_kv_unified(self.unified)
            .with_no_perf(true)
    }
}
