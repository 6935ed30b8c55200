//! Waiting with a bound.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a wait for something usual lasts at most. Generous: the machine may be busy.
#[must_use]
pub const fn hurry() -> Duration {
    Duration::from_secs(20)
}

/// Looks again and again until `probe` says yes; what it says otherwise is shown when time is up.
///
/// # Panics
///
/// When `within` is over.
pub async fn eventually<T, E: Display>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match probe().await {
            Ok(seen) => return seen,
            Err(not_yet) if start.elapsed() > within => panic!("not within {within:?}: {what}: {not_yet}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}
