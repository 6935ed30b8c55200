//! The program: reads the command line, starts an engine and a server, and stops when it is told to.

mod threads;

use anyhow::{Context, Result, bail};
use clap::Parser;
use spillway_serving::{bind, program, serve, signals};
use spillway_worker::cli::{Args, EngineKind};
use spillway_worker::engine::model::Model;
use spillway_worker::engine::simulated::Simulated;
use spillway_worker::http::{App, router, sample_utilization};
use spillway_worker::metrics::Metrics;
use std::future::pending;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

/// The reason for which an engine cannot go on.
type Failure = Pin<Box<dyn Future<Output = anyhow::Error>>>;

fn main() -> ExitCode {
    program::exit_code(&start(&Args::parse()))
}

fn start(args: &Args) -> Result<()> {
    program::log(&args.log, |_| true)?;
    if args.engine == EngineKind::Model {
        threads::limit_compute_threads(args.model.threads)?;
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::try_from(args.server.io_threads)?)
        .enable_all()
        .build()
        .context("the runtime does not start")?
        .block_on(run(args))
}

/// The worker, and a future that is done only when its engine fails for good.
fn app(args: &Args, metrics: &Arc<Metrics>) -> Result<(Arc<App>, Failure)> {
    let limits = args.server.limits(args.max_output_tokens);
    let (name, levels) = (args.model_name.clone(), args.priority_levels.clone());
    match args.engine {
        EngineKind::Simulated => {
            let engine = Arc::new(Simulated::new(args.simulated_config(), Arc::clone(metrics)));
            let app = App::simulated(engine, Arc::clone(metrics), name, limits).with_levels(levels);
            Ok((Arc::new(app), Box::pin(pending())))
        }
        EngineKind::Model => {
            let (engine, failure) = Model::start(args.model_config(metrics)?, Arc::clone(metrics))?;
            let app = App::new(engine, Arc::clone(metrics), name, limits).with_levels(levels);
            Ok((Arc::new(app), Box::pin(Model::failure(failure))))
        }
    }
}

async fn run(args: &Args) -> Result<()> {
    let (mut first, mut second) = signals::listen().context("signals cannot be received")?;
    // The port first: whether it can be had is known at once, a model takes its time.
    let listener = bind(args.server.listen).await?;
    let address = listener.local_addr()?;
    let metrics = Arc::new(Metrics::default());
    let (app, failure) = app(args, &metrics)?;
    tracing::info!(%address, engine = ?args.engine, model = app.model(), "listening");
    let (limits, drain) = (args.server.connection_limits(), args.server.drain());
    tokio::spawn(sample_utilization(metrics, Arc::clone(&app.utilization)));
    tokio::select! {
        cut = serve(listener, router(Arc::clone(&app)), &*app, limits, drain, first.come()) => {
            if cut > 0 {
                tracing::warn!(requests = cut, "stopped; requests were cut");
            } else {
                tracing::info!("stopped");
            }
            Ok(())
        }
        () = second.come() => bail!("told to stop a second time: requests were cut"),
        error = failure => Err(error),
    }
}
