//! The program: reads the command line, starts an engine and a server, and stops when it is told to.

mod threads;

use anyhow::{Context, Result, bail};
use clap::Parser;
use spillway_serving::{bind, program, serve, signals};
use spillway_worker::cli::{Args, EngineKind};
use spillway_worker::engine::bert::Bert;
use spillway_worker::engine::device::{Compute, DeviceChoice};
use spillway_worker::engine::gpu::{self, Gpu};
use spillway_worker::engine::model::Model;
use spillway_worker::engine::simulated::{Simulated, SimulatedVectors};
use spillway_worker::engine::{EmbeddingModel, Models, TextModel};
use spillway_worker::http::{App, router, sample_utilization};
use spillway_worker::metrics::Metrics;
use std::future::pending;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::task::JoinSet;

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

/// The worker, and a future that is done only when an engine fails for good.
fn app(args: &Args, metrics: &Arc<Metrics>) -> Result<(Arc<App>, Failure)> {
    args.check_names()?;
    let limits = args.server.limits(args.max_output_tokens);
    let (app, failure) = match args.engine {
        EngineKind::Simulated => {
            let engine = Arc::new(Simulated::new(args.simulated_config(), Arc::clone(metrics)));
            let text = TextModel { name: args.model_name.clone(), engine: Arc::clone(&engine) as _ };
            let vectors = EmbeddingModel {
                name: args.embedding.embedding_model_name.clone(),
                engine: Arc::new(SimulatedVectors(Arc::clone(&engine))),
            };
            let models = Models::new(text).with_embedding(vectors);
            let app = App::new(models, Arc::clone(metrics), limits);
            (app.with_simulated(engine), Box::pin(pending()) as Failure)
        }
        EngineKind::Model => {
            let (models, failure) = load(args, metrics)?;
            (App::new(models, Arc::clone(metrics), limits), failure)
        }
    };
    Ok((Arc::new(app.with_levels(args.priority_levels.clone())), failure))
}

/// The real models, which begin to load.
fn load(args: &Args, metrics: &Arc<Metrics>) -> Result<(Models, Failure)> {
    let embedding = args.embedding_config();
    let compute = args.model.device.open()?;
    report_gpu(&compute, args.model.device, metrics);
    let mut failures = JoinSet::new();
    let mut text = Vec::new();
    for config in args.model_configs(&compute, embedding.as_ref(), metrics)? {
        let name = config.name.clone();
        let (engine, failure) = Model::start(config, metrics)?;
        failures.spawn(failure.reason());
        text.push(TextModel { name, engine });
    }
    let mut text = text.into_iter();
    let mut models = Models::new(text.next().context("there is no language model")?);
    models = text.fold(models, Models::with_text);
    if let Some(config) = embedding {
        let (engine, failure) = Bert::start(config, Arc::clone(metrics))?;
        failures.spawn(failure.reason());
        let name = args.embedding.embedding_model_name.clone();
        models = models.with_embedding(EmbeddingModel { name, engine });
    }
    let first = async move {
        match failures.join_next().await {
            Some(Ok(error)) => error,
            // Nobody cancels them, and they do not panic.
            Some(Err(error)) => error.into(),
            None => pending().await,
        }
    };
    Ok((models, Box::pin(first)))
}

/// Says what the GPU does, or that there is one which is not used.
fn report_gpu(compute: &Compute, choice: DeviceChoice, metrics: &Arc<Metrics>) {
    if let Some(gpu) = Gpu::of(compute) {
        tokio::spawn(gpu.watch(Arc::clone(metrics)));
    } else if matches!(compute, Compute::Processor)
        && choice == DeviceChoice::Auto
        && let Some(name) = gpu::first_name()
    {
        tracing::warn!(gpu = name, "this machine has a GPU, and it is not used");
    }
}

async fn run(args: &Args) -> Result<()> {
    let (mut first, mut second) = signals::listen().context("signals cannot be received")?;
    // The port first: whether it can be had is known at once, a model takes its time.
    let listener = bind(args.server.listen).await?;
    let address = listener.local_addr()?;
    let metrics = Arc::new(Metrics::default());
    let (app, failure) = app(args, &metrics)?;
    tracing::info!(%address, engine = ?args.engine, models = ?app.models.names(), "listening");
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
