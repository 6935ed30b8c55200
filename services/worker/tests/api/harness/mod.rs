//! A worker and its clients.

mod client;
mod process;
mod reply;
mod worker;

pub(crate) use client::{Client, RequestParts, get, object, post, put};
pub(crate) use process::Process;
pub(crate) use reply::{End, Reply};
pub(crate) use worker::{MODEL, Worker};

use std::time::{Duration, Instant};

/// How long anything may take that should be quick.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until something is so, for a bounded time.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} does not come to be so");
        std::thread::sleep(Duration::from_millis(2));
    }
}
