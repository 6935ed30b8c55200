//! Traffic: many requests, how they arrive, and what became of each.
//!
//! In a closed loop so many clients each send the next request when the last one has ended: a slow server is asked
//! less. In an open loop requests arrive at their own times (a Poisson process), however slow the server is: that is
//! what queues and overload look like.
//!
//! A client that is refused goes away, or comes back when it is told to ([`Load::obeying`]): then each of its tries is a sample.

mod arrivals;
mod report;
mod send;

pub use arrivals::{Arrivals, Until};
pub use report::{End, Report, Sample, quantile};
pub use send::Patience;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::Client;
use send::send;

/// Makes the request of that number.
type Make = dyn Fn(u64) -> Request<Full<Bytes>> + Send + Sync;
/// Says how long the client of that request stays.
type Stays = dyn Fn(u64) -> Patience + Send + Sync;

/// Traffic to be made.
#[derive(Clone)]
pub struct Load {
    client: Client,
    arrivals: Arrivals,
    until: Until,
    make: Arc<Make>,
    stays: Arc<Stays>,
    obeys: Obeys,
}

/// How a client takes a refusal that tells it when to come back.
#[derive(Clone, Copy, Debug)]
struct Obeys {
    tries: u32,
    longest: Duration,
}

impl Load {
    /// Traffic by clients that all stay to the end.
    pub fn new(
        client: &Client,
        arrivals: Arrivals,
        until: Until,
        make: impl Fn(u64) -> Request<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        let stays = Arc::new(|_| Patience::ToTheEnd);
        Self {
            client: client.clone(),
            arrivals,
            until,
            make: Arc::new(make),
            stays,
            obeys: Obeys { tries: 1, longest: Duration::ZERO },
        }
    }

    /// Some clients leave early.
    #[must_use]
    pub fn leaving(mut self, stays: impl Fn(u64) -> Patience + Send + Sync + 'static) -> Self {
        self.stays = Arc::new(stays);
        self
    }

    /// A client that is refused comes back after the time of `Retry-After`, unless that is longer than `longest`, and tries so
    /// many times in all.
    #[must_use]
    pub fn obeying(mut self, tries: u32, longest: Duration) -> Self {
        self.obeys = Obeys { tries, longest };
        self
    }

    /// Makes the traffic and waits for the end of its last request.
    ///
    /// # Panics
    ///
    /// When a request cannot be made.
    pub async fn run(&self) -> Report {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        let mut report = Report::default();
        match self.arrivals {
            Arrivals::Closed { clients } => {
                let numbers = Arc::new(Mutex::new(0..self.until.requests()));
                for _ in 0..clients {
                    tasks.spawn(self.clone().client(Arc::clone(&numbers), start));
                }
            }
            Arrivals::Open { per_second, seed } => {
                for (number, at) in (0..self.until.requests()).zip(arrivals::poisson(per_second, seed)) {
                    if self.until.is_over(at) {
                        break;
                    }
                    tokio::time::sleep_until((start + at).into()).await;
                    let load = self.clone();
                    tasks.spawn(async move { load.one(number, start).await });
                    while let Some(done) = tasks.try_join_next() {
                        report.samples.extend(done.unwrap());
                    }
                }
            }
        }
        while let Some(done) = tasks.join_next().await {
            report.samples.extend(done.unwrap());
        }
        report.took = start.elapsed();
        report
    }

    async fn client(self, numbers: Arc<Mutex<std::ops::Range<u64>>>, start: Instant) -> Vec<Sample> {
        let mut samples = Vec::new();
        while !self.until.is_over(start.elapsed()) {
            let Some(number) = numbers.lock().await.next() else { break };
            samples.extend(self.one(number, start).await);
        }
        samples
    }

    /// All tries of one client.
    async fn one(&self, number: u64, start: Instant) -> Vec<Sample> {
        let mut samples = Vec::new();
        let Obeys { tries, longest } = self.obeys;
        for attempt in 1..=tries {
            let request = (self.make)(number);
            let sample = send(&self.client, number, request, (self.stays)(number), start).await;
            let told = sample.retry_after.filter(|_| matches!(sample.status, 429 | 503));
            samples.push(Sample { attempt, ..sample });
            match told {
                Some(wait) if attempt < tries && wait <= longest => tokio::time::sleep(wait).await,
                _ => break,
            }
        }
        samples
    }
}
