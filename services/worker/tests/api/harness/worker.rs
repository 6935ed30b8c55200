//! A worker inside of the test.

use spillway_fixtures::{PATIENCE, eventually, metric};
use spillway_serving::{ConnectionLimits, Drain, bind, serve};
use spillway_worker::engine::simulated::{Behaviour, Config, Rates, Simulated, SimulatedVectors};
use spillway_worker::engine::{EmbeddingModel, Models, TextModel};
use spillway_worker::http::{App, Limits, router, sample_utilization};
use spillway_worker::metrics::{Metrics, Outcome};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The model that tests ask for.
pub(crate) const MODEL: &str = "test-model";

/// And the one for vectors.
pub(crate) const EMBEDDING_MODEL: &str = "test-vectors";

/// How to start a worker. Fields are changed before [`Worker::start`].
pub(crate) struct Worker {
    pub(crate) engine: Config,
    pub(crate) limits: Limits,
    pub(crate) connections: ConnectionLimits,
    pub(crate) drain: Drain,
}

/// A worker that runs until it is dropped.
pub(crate) struct RunningWorker {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    stop: Option<oneshot::Sender<()>>,
    stopped: mpsc::Receiver<usize>,
}

impl Default for Worker {
    /// A worker that answers within milliseconds.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            engine: Config {
                slots: 8,
                queue: 8,
                rates: Rates {
                    base_latency: Duration::ZERO,
                    prefill_tokens_per_s: 1e6,
                    decode_tokens_per_s: 1e4,
                },
                seed: 1,
                default_output_tokens: 5,
                max_prompt_tokens: 1000,
                max_embedding_tokens: 1500,
                behaviour: Behaviour::default(),
            },
            limits: Limits { max_body_bytes: 10_000, body_timeout: seconds(10), max_output_tokens: 100_000 },
            connections: ConnectionLimits {
                header_timeout: seconds(10),
                idle_timeout: seconds(60),
                send_timeout: seconds(10),
                max_connections: 100,
            },
            drain: Drain { delay: Duration::ZERO, timeout: seconds(10) },
        }
    }
}

impl Worker {
    /// Slow enough to be looked at in the middle: 20 tokens a second.
    pub(crate) fn slow() -> Self {
        let mut worker = Self::default();
        worker.engine.rates.decode_tokens_per_s = 20.0;
        worker
    }

    pub(crate) fn start(self) -> RunningWorker {
        let metrics = Arc::new(Metrics::default());
        let engine = Arc::new(Simulated::new(self.engine, Arc::clone(&metrics)));
        let models = Models::new(TextModel { name: MODEL.to_owned(), engine: Arc::clone(&engine) as _ });
        let vectors = Arc::new(SimulatedVectors(Arc::clone(&engine)));
        let embedding = EmbeddingModel { name: EMBEDDING_MODEL.to_owned(), engine: vectors };
        let app = App::new(models.with_embedding(embedding), Arc::clone(&metrics), self.limits);
        let app = Arc::new(app.with_simulated(engine));
        let (stop, told) = oneshot::channel();
        let (running, addresses) = mpsc::channel();
        let (done, stopped) = mpsc::channel();
        let served = Arc::clone(&app);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
                running.send(listener.local_addr().unwrap()).unwrap();
                tokio::spawn(sample_utilization(metrics, Arc::clone(&served.utilization)));
                let told = async { drop(told.await) };
                let cut = serve(
                    listener,
                    router(Arc::clone(&served)),
                    &*served,
                    self.connections,
                    self.drain,
                    told,
                )
                .await;
                // A test that does not look at it has gone.
                let _ = done.send(cut);
            });
        });
        let address = addresses.recv().unwrap();
        RunningWorker { address, app, stop: Some(stop), stopped }
    }
}

impl RunningWorker {
    /// Tells it to stop, and does not wait.
    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    /// Waits until it has stopped. How many requests it cut.
    pub(crate) fn stopped(&mut self) -> usize {
        self.stopped.recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn requests(&self, outcome: Outcome) -> u64 {
        self.app.metrics.requests(outcome)
    }

    /// Running and waiting.
    pub(crate) fn load(&self) -> (usize, usize) {
        let load = self.app.models.load();
        (load.running, load.waiting)
    }

    #[track_caller]
    pub(crate) fn wait_for_load(&self, running: usize, waiting: usize) {
        eventually(&format!("{running} running and {waiting} waiting"), || self.load() == (running, waiting));
    }

    /// The value of a metric, by its name with labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        metric(self.address, name).unwrap_or_else(|| panic!("there is no {name}"))
    }
}
