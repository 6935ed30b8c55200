//! The program: `publish`, `pull` and `list`.

mod show;

use anyhow::{Context, Result};
use clap::Parser;
use show::Shown;
use spillway_serving::program;
use spillway_weights::cli::{Args, CacheArgs, Command};
use spillway_weights::counters::Counters;
use spillway_weights::digest::Digest;
use spillway_weights::publish::publish;
use spillway_weights::tiers::Store;
use spillway_weights::{ModelName, Progress, WeightsCache};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

fn main() -> ExitCode {
    program::exit_code(&start(&Args::parse()))
}

fn start(args: &Args) -> Result<()> {
    program::log(&args.log, |_| true)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime does not start")?
        .block_on(run(&args.command))
}

async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Publish { name, file, chunk_bytes, cache } => send(name, file, *chunk_bytes, cache).await,
        Command::Pull { name, sha256, cache } => pull(name, *sha256, cache).await,
        Command::List { cache } => list(cache).await,
    }
}

async fn send(name: &ModelName, file: &Path, chunk_bytes: u32, cache: &CacheArgs) -> Result<()> {
    let store = Store::new(&cache.store_config()?.context("--weights-store is needed: where to send it")?)?;
    let progress = Arc::new(Progress::default());
    let shown = Shown::start(name, &progress);
    let published = publish(&store, name, file, chunk_bytes, &progress).await;
    shown.end();
    let published = published?;
    let manifest = &published.manifest;
    let sent = if published.was_sent { "sent" } else { "was there already" };
    show::line(format_args!("{name} {} {} bytes, {sent}", manifest.sha256, manifest.bytes));
    Ok(())
}

async fn pull(name: &ModelName, sha256: Option<Digest>, cache: &CacheArgs) -> Result<()> {
    let began = Instant::now();
    let cache = WeightsCache::open(&cache.config()?, Counters::default())?;
    let progress = Arc::new(Progress::default());
    let shown = Shown::start(name, &progress);
    let loaded = cache.load(name, sha256, &progress).await;
    shown.end();
    let loaded = loaded?;
    let manifest = loaded.weights.manifest();
    let (tier, took) = (loaded.tier.as_str(), began.elapsed().as_secs_f64());
    show::line(format_args!(
        "{name} {} {} bytes, from {tier} in {took:.3} s",
        manifest.sha256, manifest.bytes
    ));
    Ok(())
}

async fn list(cache: &CacheArgs) -> Result<()> {
    let config = cache.config()?;
    for model in WeightsCache::open(&config, Counters::default())?.on_disk()? {
        let names: Vec<_> = model.names.iter().map(ModelName::as_str).collect();
        let names = if names.is_empty() { "-".to_owned() } else { names.join(",") };
        let whole = if model.is_whole { "whole" } else { "unfinished" };
        show::line(format_args!("disk   {names} {} {} bytes, {whole}", model.sha256, model.bytes));
    }
    if let Some(store) = &config.store {
        for name in Store::new(store)?.names().await? {
            show::line(format_args!("store  {name}"));
        }
    }
    Ok(())
}
