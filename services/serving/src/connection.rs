//! One connection, from being accepted to its end.

use crate::ConnectionLimits;
use crate::activity::{Activity, Late};
use crate::reset::ResetHandle;
use crate::watched::{WatchedBody, WatchedSocket};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a connection needs.
pub(crate) struct Connection {
    router: Router,
    limits: ConnectionLimits,
    draining: watch::Receiver<bool>,
    activity: Arc<Activity>,
    reset: ResetHandle,
}

impl Connection {
    pub(crate) fn new(router: Router, limits: ConnectionLimits, draining: watch::Receiver<bool>) -> Self {
        let activity = Arc::new(Activity::new(Instant::now()));
        Self { router, limits, draining, activity, reset: ResetHandle::default() }
    }

    pub(crate) async fn run(mut self, stream: TcpStream) {
        // A few bytes, an event of a stream perhaps, are sent at once.
        let _ = stream.set_nodelay(true);
        let socket = TokioIo::new(WatchedSocket::new(stream, Arc::clone(&self.activity)));
        let router = TowerToHyperService::new(self.router.clone());
        let (activity, reset) = (Arc::clone(&self.activity), self.reset.clone());
        let service = service_fn(move |request| answer(&router, request, Arc::clone(&activity), &reset));
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(None)
                .serve_connection(socket, service)
        );
        let mut closing = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => return log_end(ended),
                () = self.reset.requested() => return self.activity.mark_reset(),
                late = too_late(&self.activity, &self.limits) => {
                    tracing::debug!(reason = late.as_str(), "a connection is closed");
                    return;
                }
                () = drain_begins(&mut self.draining, &self.activity), if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

fn answer(
    router: &TowerToHyperService<Router>,
    mut request: Request<Incoming>,
    activity: Arc<Activity>,
    reset: &ResetHandle,
) -> impl Future<Output = Result<Response<WatchedBody>, Infallible>> + use<> {
    activity.request();
    request.extensions_mut().insert(reset.clone());
    let response = router.call(request.map(Body::new));
    async move { Ok(response.await?.map(|body| WatchedBody::new(body, activity))) }
}

/// Waits until the connection has taken too long for what it is doing.
async fn too_late(activity: &Activity, limits: &ConnectionLimits) -> Late {
    /// How soon a new deadline is noticed, where there was none.
    const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);
    loop {
        let now = Instant::now();
        match activity.deadline(limits) {
            Some((deadline, late)) if deadline <= now => return late,
            Some((deadline, _)) => sleep_until(deadline.min(now + LOOK_AGAIN)).await,
            None => sleep_until(now + LOOK_AGAIN).await,
        }
    }
}

/// Waits until the service stops and the connection has had a request: a new connection is told so in an answer, not by
/// being closed without one.
async fn drain_begins(draining: &mut watch::Receiver<bool>, activity: &Activity) {
    // The sender is gone only when the server is.
    let _ = draining.wait_for(|draining| *draining).await;
    activity.used().await;
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        // Clients leave in all kinds of ways: nothing for an operator to act on.
        tracing::debug!(%error, "a connection broke");
    }
}
