//! What can happen in a world, and the requests that it happens to.

use std::time::Duration;

use spillway_primitives::Timestamp;

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A request comes to an Envoy.
    Arrival { envoy: usize },
    /// A request is to be tried again.
    Retry { request: usize },
    /// Something happens to an attempt, if it is still that one.
    Attempt { request: usize, serial: u64, step: Step },
    /// An Envoy takes a look at its pool.
    Look { envoy: usize },
    /// Something happens to an endpoint.
    Fault { number: usize },
    /// The load of this moment is noted.
    Sample,
    /// A second is over.
    Second,
}

/// What happens to an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    FirstToken,
    Complete,
    /// The endpoint failed at once.
    Fail,
    /// 429.
    Refused,
    /// It waited for too long.
    TooLate,
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) envoy: usize,
    pub(super) arrived: Timestamp,
    pub(super) prefill: Duration,
    pub(super) decode: Duration,
    pub(super) prefix: Option<u64>,
    /// Who is to be tried, and how many have been.
    pub(super) order: Vec<u32>,
    pub(super) tried: usize,
    /// The attempt: where, since when, which of all, and whether its first token has come.
    pub(super) place: u32,
    pub(super) began: Timestamp,
    pub(super) serial: u64,
    pub(super) has_begun: bool,
}
