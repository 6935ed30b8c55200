//! What the inference worker gets through: the default model on the processor, with one thread that computes; beside
//! llama.cpp on the same file.
//!
//! One worker, past Envoy. What is compared runs in turn, round by round; quoted are medians over the rounds. Calm, and with
//! a thread of another program busy on each core but one. While one of the two engines is measured the other one waits for
//! requests and computes nothing.

mod asked;
mod beside;
mod busy;
mod engine;
mod joining;
mod llama_cpp;
mod measured;
mod stream;
mod throughput;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use indicatif::ProgressBar;
use spillway_harness::Setup;

use crate::progress;
use asked::Prompts;
use engine::{Engine, ask_each};
use llama_cpp::LlamaCpp;
use measured::{Both, Figures, Measured};

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Tokens of each answer
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..=800))]
    tokens: u32,
    /// Leaves llama.cpp out, which takes minutes to build
    #[arg(long)]
    without_llama_cpp: bool,
    /// Another file of the same model for llama.cpp, which is faster with some formats than with others
    #[arg(long, value_name = "FILE")]
    llama_cpp_file: Option<PathBuf>,
    /// llama.cpp's program
    #[arg(long, env = "SPILLWAY_LLAMA_CPP", hide = true)]
    llama_cpp: Option<PathBuf>,
    /// Why there is none
    #[arg(long, env = "SPILLWAY_LLAMA_CPP_MISSING", hide = true)]
    llama_cpp_missing: Option<String>,
    /// The model's file
    #[arg(long, env = "SPILLWAY_MODEL", hide = true)]
    model: Option<PathBuf>,
}

/// Measures, prints and keeps the tables.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let (llama_cpp, why) = match options.llama_cpp() {
        Ok(program) => (Some(program), String::new()),
        Err(why) => (None, format!("not measured: {why:#}")),
    };
    let spillway = Setup::new(1).workers(1).model("--slots 16").start().await;
    let worker = spillway.workers.first().context("there is no worker")?.client();
    let mut engines: Vec<_> =
        [Engine::Worker(worker)].into_iter().chain(llama_cpp.map(Engine::LlamaCpp)).collect();
    let mut prompts = Prompts::default();
    // What is computed for the first time takes longer.
    ask_each(&mut engines, 0, &throughput::requests(&mut prompts, 1, 20)).await?;
    let bar = progress::steps(2 * usize::from(options.rounds) * (throughput::STREAMS.len() + 1));
    let calm = measure(&mut engines, options, &mut prompts, &bar, "calm").await?;
    let busy = {
        let _others = busy::Others::start();
        measure(&mut engines, options, &mut prompts, &bar, "busy").await?
    };
    bar.finish_and_clear();
    drop(engines);
    spillway.end().await;
    let mut both = calm.into_iter().zip(busy).map(|(calm, busy)| Both { calm, busy });
    let ours = both.next().context("nothing was measured")?;
    let measured = Measured { ours, llama_cpp: both.next().ok_or(why) };
    throughput::report(&measured)?;
    joining::report(&measured)?;
    beside::report(&measured, options.llama_cpp_file.as_deref())
}

impl Options {
    /// Starts llama.cpp; the error is why it is not measured.
    fn llama_cpp(&self) -> Result<LlamaCpp> {
        ensure!(!self.without_llama_cpp, "--without-llama-cpp");
        if let Some(why) = &self.llama_cpp_missing {
            anyhow::bail!("{why}");
        }
        let built = "`cargo xtask bench worker` builds it and fetches the model";
        let program = self.llama_cpp.as_ref().context(built)?;
        let model = self.llama_cpp_file.as_ref().or(self.model.as_ref()).context(built)?;
        let most = u32::try_from(joining::LONG_PROMPT_WORDS)?.max(2 * self.tokens) + 64;
        LlamaCpp::start(program, model, 16, most)
    }
}

/// Figures of each engine.
async fn measure(
    engines: &mut [Engine],
    options: &Options,
    prompts: &mut Prompts,
    bar: &ProgressBar,
    when: &str,
) -> Result<Vec<Figures>> {
    let mut figures: Vec<_> = engines.iter().map(|_| Figures::default()).collect();
    for round in 0..usize::from(options.rounds) {
        for (at, streams) in throughput::STREAMS.into_iter().enumerate() {
            bar.set_message(format!("{when}: {streams} at the same time"));
            let requests = throughput::requests(prompts, streams, options.tokens);
            let answered = ask_each(engines, round, &requests).await?;
            for (figures, answered) in figures.iter_mut().zip(&answered) {
                let rates = figures.rates.get_mut(at).context("one figure for each number of streams")?;
                rates.push(throughput::rate(answered));
            }
            bar.inc(1);
        }
        bar.set_message(format!("{when}: one joins others"));
        let alone = ask_each(engines, round, &joining::alone(prompts)).await?;
        let among = ask_each(engines, round, &joining::among(prompts, options.tokens)).await?;
        for (figures, (alone, among)) in figures.iter_mut().zip(alone.iter().zip(&among)) {
            figures.times.add_alone(alone)?;
            figures.times.add_among(among)?;
        }
        bar.inc(1);
    }
    Ok(figures)
}
