//! A service inside of the test.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use spillway_fixtures::{Client, PATIENCE, Reply, RequestParts};
use spillway_serving::body::{BodyError, RequestBody};
use spillway_serving::life::{Life, Phase};
use spillway_serving::reset::ResetHandle;
use spillway_serving::{ConnectionLimits, Drain, Served, bind, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::sync::watch;

/// How to start one. Fields are changed before [`Service::start`].
pub(crate) struct Service {
    pub(crate) limits: ConnectionLimits,
    pub(crate) drain: Drain,
    pub(crate) body_timeout: Duration,
}

/// One that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    /// Lets what is held go.
    release: watch::Sender<bool>,
    stop: Option<oneshot::Sender<()>>,
    stopped: mpsc::Receiver<usize>,
}

pub(crate) struct App {
    life: Life,
    in_flight: AtomicUsize,
    released: watch::Receiver<bool>,
    body_timeout: Duration,
}

/// The longest body.
pub(crate) const MAX_BYTES: usize = 10_000;

impl Default for Service {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            limits: ConnectionLimits {
                header_timeout: seconds(60),
                idle_timeout: seconds(60),
                send_timeout: seconds(60),
                max_connections: 100,
            },
            drain: Drain { delay: Duration::ZERO, timeout: seconds(60) },
            body_timeout: seconds(60),
        }
    }
}

impl Service {
    pub(crate) fn start(self) -> Running {
        let (release, released) = watch::channel(false);
        let (life, in_flight) = (Life::default(), AtomicUsize::new(0));
        let app = Arc::new(App { life, in_flight, released, body_timeout: self.body_timeout });
        let (stop, told) = oneshot::channel();
        let (running, addresses) = mpsc::channel();
        let (done, stopped) = mpsc::channel();
        let served = Arc::clone(&app);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
                running.send(listener.local_addr().unwrap()).unwrap();
                let told = async { drop(told.await) };
                let router = router(Arc::clone(&served));
                let cut = serve(listener, router, &*served, self.limits, self.drain, told).await;
                // A test that does not look at it has gone.
                let _ = done.send(cut);
            });
        });
        Running { address: addresses.recv().unwrap(), app, release, stop: Some(stop), stopped }
    }
}

impl Running {
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        Reply::of(self.address, &RequestParts::get(path))
    }

    /// Tells it to stop, and does not wait.
    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    /// Waits until it has stopped. How many requests it cut.
    pub(crate) fn stopped(&mut self) -> usize {
        self.stopped.recv_timeout(PATIENCE).unwrap()
    }

    /// Lets held requests go on.
    pub(crate) fn release(&self) {
        self.release.send_replace(true);
    }
}

impl Served for App {
    fn enter(&self, phase: Phase) {
        self.life.enter(phase);
    }

    fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl App {
    pub(crate) fn phase(&self) -> Phase {
        self.life.phase()
    }

    /// A request in flight until this is dropped.
    fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }
}

struct InFlight(Arc<App>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/held", get(held))
        .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
        .route("/reset", get(reset))
        .route("/body", post(body))
        .with_state(app)
}

/// Answers when it is let go.
async fn held(State(app): State<Arc<App>>) -> Response {
    if app.phase() == Phase::Draining {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let _in_flight = app.begin();
    app.released.clone().wait_for(|released| *released).await.unwrap();
    "let go".into_response()
}

async fn reset(request: Request) -> Response {
    let handle = request.extensions().get::<ResetHandle>().cloned();
    handle.unwrap().now().await
}

/// How long a body is, or what is wrong with it.
async fn body(State(app): State<Arc<App>>, request: Request<Body>) -> Result<String, String> {
    let read = async {
        let body = RequestBody::of(request, MAX_BYTES).await?;
        let most = body.most_bytes();
        let bytes: Bytes = body.read(app.body_timeout).await?;
        Ok(format!("{} of at most {most}", bytes.len()))
    };
    read.await.map_err(|error: BodyError| error.to_string())
}
