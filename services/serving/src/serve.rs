//! Connections: accepting them, bounding them, and letting them end when the service stops.
//!
//! Stopping goes in three steps, so that no request is lost that could have been served:
//!
//! 1. `/ready` says no; requests are still taken, for as long as those who route need to see it;
//! 2. requests are refused; those in flight are finished, idle connections are closed;
//! 3. when nothing is in flight any more, or when the time is up, everything that is left is cut.

use crate::connection::Connection;
use crate::life::Phase;
use anyhow::Context;
use axum::Router;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Bounds on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How long the headers of a request may take, from their first byte on.
    pub header_timeout: Duration,
    /// How long a connection may stay without a request.
    pub idle_timeout: Duration,
    /// How long a client may take none of the bytes that there are for it.
    pub send_timeout: Duration,
    /// How many connections there may be; more wait to be accepted.
    pub max_connections: usize,
}

/// How long stopping may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long `/ready` says no before requests are refused.
    pub delay: Duration,
    /// How long requests in flight may take after that.
    pub timeout: Duration,
}

/// What is served, as far as stopping is concerned.
pub trait Served {
    /// Goes on to a later part of its life.
    fn enter(&self, phase: Phase);

    /// Requests that are worked on.
    fn in_flight(&self) -> usize;
}

/// How long connections have, once nothing is in flight, to send what was written to them.
const FLUSH: Duration = Duration::from_secs(1);

/// Takes an address. Port 0 takes any free port.
///
/// # Errors
/// When the address cannot be had; the error names it.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| match address.port() {
        0 => format!("cannot listen on {}", address.ip()),
        port => format!("cannot listen on {address}: choose another address than port {port} with --listen"),
    })
}

/// Serves until `stop` is done and everything in flight is over. Returns how many requests were cut.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    served: &impl Served,
    limits: ConnectionLimits,
    drain: Drain,
    stop: impl Future<Output = ()>,
) -> usize {
    let (draining, _) = watch::channel(false);
    let mut acceptor = Acceptor {
        listener,
        router,
        limits,
        places: Arc::new(Semaphore::new(limits.max_connections)),
        draining,
        connections: JoinSet::new(),
    };
    acceptor.accept_until(stop).await;
    served.enter(Phase::Leaving);
    tracing::info!(delay_s = drain.delay.as_secs(), "stopping: /ready says no");
    acceptor.accept_until(sleep(drain.delay)).await;

    served.enter(Phase::Draining);
    let deadline = Instant::now() + drain.timeout;
    tracing::info!(in_flight = served.in_flight(), "stopping: requests are refused");
    acceptor.draining.send_replace(true);
    let over = async {
        while served.in_flight() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
    };
    acceptor.accept_until(over).await;
    let cut = served.in_flight();
    acceptor.finish(deadline.min(Instant::now() + FLUSH)).await;
    cut
}

struct Acceptor {
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    places: Arc<Semaphore>,
    draining: watch::Sender<bool>,
    connections: JoinSet<()>,
}

impl Acceptor {
    async fn accept_until(&mut self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        loop {
            let places = Arc::clone(&self.places);
            let accept = async {
                let place = places.acquire_owned().await.map_err(io::Error::other)?;
                let (stream, _) = self.listener.accept().await?;
                Ok::<_, io::Error>((place, stream))
            };
            tokio::select! {
                biased;
                () = &mut end => return,
                Some(_) = self.connections.join_next() => {}
                accepted = accept => match accepted {
                    Ok((place, stream)) => self.spawn(place, stream),
                    Err(error) => wait_after(&error).await,
                },
            }
        }
    }

    fn spawn(&mut self, place: tokio::sync::OwnedSemaphorePermit, stream: TcpStream) {
        let connection = Connection::new(self.router.clone(), self.limits, self.draining.subscribe());
        self.connections.spawn(async move {
            connection.run(stream).await;
            drop(place);
        });
    }

    /// Lets connections end until the deadline, then ends them.
    async fn finish(mut self, deadline: Instant) {
        let all = async { while self.connections.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = sleep_until(deadline) => {}
        }
    }
}

/// Out of file descriptors or memory: accepting at once again would only burn the processor.
async fn wait_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    sleep(Duration::from_millis(50)).await;
}
