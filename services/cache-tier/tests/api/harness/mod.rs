//! A cache tier and its clients.

mod client;
mod entries;
mod proxy;
mod redis;
mod reply;
mod store;
mod tier;

pub(crate) use client::{Client, RequestParts};
pub(crate) use entries::{entry, key, now_ms};
pub(crate) use proxy::Proxy;
pub(crate) use redis::{RedisCluster, RedisServer};
pub(crate) use reply::{End, Reply};
pub(crate) use store::{ObjectStoreServer, SECRET};
pub(crate) use tier::CacheTier;

use std::time::{Duration, Instant};

/// How long anything may take that should be quick.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so, for a bounded time.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} does not come to be so");
        std::thread::sleep(Duration::from_millis(2));
    }
}
