//! The program: reads the command line, opens the tiers, serves, and stops when it is told to.

use anyhow::{Context, Result, bail};
use clap::Parser;
use spillway_cache_tier::cli::Args;
use spillway_cache_tier::http::{App, router};
use spillway_cache_tier::start;
use spillway_serving::{bind, program, serve, signals};
use std::process::ExitCode;
use std::sync::Arc;

/// Threads that wait for the disk, or compute for long.
const BLOCKING_THREADS: usize = 64;

fn main() -> ExitCode {
    program::exit_code(&start(&Args::parse()))
}

fn start(args: &Args) -> Result<()> {
    // What libraries log is left out: it holds names of objects, and so keys.
    program::log(&args.log, |target| target.starts_with("spillway"))?;
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

async fn run(args: &Args) -> Result<()> {
    let (mut first, mut second) = signals::listen().context("signals cannot be received")?;
    let listener = bind(args.server.listen).await?;
    let address = listener.local_addr()?;
    let token = args.server.token()?;
    let (cache, budgets) = start::parts(args)?;
    let writers = cache.start().await;
    let app = Arc::new(App::new(Arc::clone(&cache), Arc::new(budgets), token, args.server.limits()));
    let tiers: Vec<_> = cache.layers.iter().map(|layer| layer.tier().as_str()).collect();
    tracing::info!(%address, behind_memory = ?tiers, "listening");
    let stopping = async {
        let (limits, drain) = (args.server.connection_limits(), args.server.drain());
        let cut = serve(listener, router(Arc::clone(&app)), &*app, limits, drain, first.come()).await;
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
