//! The program: reads the command line, opens the tiers, serves, and stops when it is told to.

mod signals;

use anyhow::{Context, Result, bail};
use clap::Parser;
use spillway_cache_tier::cli::Args;
use spillway_cache_tier::http::App;
use spillway_cache_tier::server::{bind, serve};
use spillway_cache_tier::start;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Threads that wait for the disk, or compute for long.
const BLOCKING_THREADS: usize = 64;

fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<()> {
    log(&args.log)?;
    args.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::try_from(args.server.io_threads)?)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("the runtime does not start")?;
    let ended = runtime.block_on(run(args));
    // A thread that waits for a disk that does not answer is not waited for.
    runtime.shutdown_background();
    ended
}

/// Logs to standard error. What libraries log is left out: it holds names of objects, and so keys.
fn log(filter: &str) -> Result<()> {
    let filter = EnvFilter::builder().parse(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter_fn(|about| about.target().starts_with("spillway")));
    let levels = filter.as_ref().map_or_else(|_| EnvFilter::new("info"), Clone::clone);
    tracing_subscriber::registry().with(levels).with(lines).init();
    filter.context("--log").map(drop)
}

async fn run(args: &Args) -> Result<()> {
    let (mut first, mut second) = signals::listen().context("signals cannot be received")?;
    let listener = bind(args.server.listen).await?;
    let address = listener.local_addr()?;
    let token = args.server.token()?;
    let cache = start::cache(args)?;
    let writers = cache.start().await;
    let app = Arc::new(App::new(Arc::clone(&cache), token, args.server.limits()));
    let tiers: Vec<_> = cache.layers.iter().map(|layer| layer.tier().as_str()).collect();
    tracing::info!(%address, behind_memory = ?tiers, "listening");
    let stopping = async {
        let cut =
            serve(listener, app, args.server.connection_limits(), args.server.drain(), first.come()).await;
        (cut, cache.finish(writers, args.server.flush_timeout()).await)
    };
    tokio::select! {
        (cut, dropped) = stopping => {
            if cut > 0 || dropped > 0 {
                tracing::warn!(requests_cut = cut, writes_dropped = dropped, "stopped");
            } else {
                tracing::info!("stopped");
            }
            Ok(())
        }
        () = second.come() => bail!("told to stop a second time: requests were cut, and writes dropped"),
    }
}
