//! Who gets a request: Spillway's decision, and what other proxies do.

mod circuits;
mod least_request;
mod peak_ewma;
mod random;
mod round_robin;
mod spillway;

use std::time::Duration;

use spillway_primitives::{Rng, Timestamp};

use crate::books::Books;
use crate::setting::{BYPASSED, Setting};

/// Attempts of one request at most: the first and the retries, as in the shipped configuration.
pub const ATTEMPTS: usize = 3;

/// How one Envoy chooses endpoints. It sees its own books and nothing of other Envoys.
pub trait Balancer {
    /// Who is to be tried, best first, each once, at most [`ATTEMPTS`]; empty when nobody may be chosen.
    fn choose(&mut self, request: &Request, books: &Books, rng: &mut Rng) -> Vec<u32>;

    /// Once a second.
    fn look(&mut self, _books: &Books, _now: Timestamp) {}

    /// An attempt's first token has come.
    fn first_token(&mut self, _place: u32, _took: Duration, _now: Timestamp) {}

    /// An attempt is over.
    fn ended(&mut self, _end: &End, _books: &Books, _rng: &mut Rng) {}
}

/// A request that asks for endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Its number.
    pub number: u64,
    /// The hash of its prefix.
    pub affinity: Option<u64>,
    /// When.
    pub now: Timestamp,
}

/// An attempt that is over.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The request's number.
    pub request: u64,
    /// Where it was.
    pub place: u32,
    /// When it was sent.
    pub began: Timestamp,
    /// When it was over.
    pub now: Timestamp,
    /// Whether the endpoint did its duty.
    pub success: bool,
}

/// Which balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Spillway, with the load that endpoints report.
    Spillway,
    /// Spillway by its own counts alone.
    WithoutReports,
    /// Spillway that keeps requests with the same prefix together.
    Affinity,
    /// Envoy's least request with two choices.
    LeastRequest,
    /// Linkerd's and Finagle's peak EWMA with two choices.
    PeakEwma,
    /// In turn.
    RoundRobin,
    /// Anybody.
    Random,
    /// Traffic that knows no balancer: see [`Setting::bypass`].
    Bypass,
}

impl Kind {
    /// All that are compared when there is nothing to gain from affinity.
    pub const COMPARED: [Self; 6] = [
        Self::Spillway,
        Self::WithoutReports,
        Self::LeastRequest,
        Self::PeakEwma,
        Self::RoundRobin,
        Self::Random,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spillway => "spillway",
            Self::WithoutReports => "spillway, no reports",
            Self::Affinity => "spillway, affinity",
            Self::LeastRequest => "least request (2)",
            Self::PeakEwma => "peak ewma (2)",
            Self::RoundRobin => "round robin",
            Self::Random => "random",
            Self::Bypass => "bypass",
        }
    }

    /// One Envoy's.
    pub(crate) fn build(self, setting: &Setting, envoy: u32, rng: &mut Rng) -> Box<dyn Balancer> {
        let endpoints = setting.endpoints;
        match self {
            Self::Spillway | Self::WithoutReports | Self::Affinity => {
                Box::new(spillway::Spillway::new(self, setting, envoy))
            }
            Self::LeastRequest => Box::new(least_request::LeastRequest::new(endpoints)),
            Self::PeakEwma => Box::new(peak_ewma::PeakEwma::new(endpoints)),
            Self::RoundRobin => Box::new(round_robin::RoundRobin::new(endpoints, rng)),
            Self::Random => Box::new(random::Random::new(endpoints, 1)),
            Self::Bypass => Box::new(random::Random::new(endpoints, BYPASSED)),
        }
    }
}

/// Asks for one endpoint after the other until there are enough different ones. Envoy draws a retry's endpoint only
/// when it is retried; drawn at once it is older by the wait before the retry.
fn distinct(endpoints: u32, mut draw: impl FnMut() -> u32) -> Vec<u32> {
    let wanted = ATTEMPTS.min(endpoints as usize);
    let mut order = Vec::with_capacity(wanted);
    // Bounded: a draw that gives the same endpoint for ever must not hang the run.
    for _ in 0..64 {
        let place = draw();
        if !order.contains(&place) {
            order.push(place);
        }
        if order.len() == wanted {
            break;
        }
    }
    order
}
