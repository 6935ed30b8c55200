//! What the inference worker gets through: the default model on the processor, with one thread that computes.
//!
//! One worker, past Envoy. What is compared runs in turn, round by round; quoted are medians over the rounds. Calm, and with
//! a thread of another program busy on each core but one.

mod busy;
mod joining;
mod stream;
mod throughput;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::ProgressBar;
use spillway_harness::{Client, Setup};

use crate::progress;

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Tokens of each answer
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..=1_000))]
    tokens: u32,
}

/// Measures, prints and keeps the tables.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let spillway = Setup::new(1).workers(1).model("--slots 16").start().await;
    let worker = spillway.workers.first().context("there is no worker")?.client();
    // What is computed for the first time takes longer.
    throughput::rate(&worker, 1, 20).await?;
    let bar = progress::steps(2 * usize::from(options.rounds) * (throughput::STREAMS.len() + 1));
    let calm = measure(&worker, options, &bar, "calm").await?;
    let busy = {
        let _others = busy::Others::start();
        measure(&worker, options, &bar, "busy").await?
    };
    bar.finish_and_clear();
    spillway.end().await;
    throughput::report(&[("calm", &calm.0), ("busy", &busy.0)])?;
    joining::report(&[("calm", &calm.1), ("busy", &busy.1)])
}

async fn measure(
    worker: &Client,
    options: &Options,
    bar: &ProgressBar,
    when: &str,
) -> Result<(throughput::Rates, joining::Times)> {
    let (mut rates, mut times) = (throughput::Rates::default(), joining::Times::default());
    for _ in 0..options.rounds {
        for (streams, rates) in throughput::STREAMS.into_iter().zip(&mut rates) {
            bar.set_message(format!("{when}: {streams} at the same time"));
            rates.push(throughput::rate(worker, streams, options.tokens).await?);
            bar.inc(1);
        }
        bar.set_message(format!("{when}: one joins others"));
        times.measure(worker, options.tokens).await?;
        bar.inc(1);
    }
    Ok((rates, times))
}
