//! Numbers on the command line, each within its range.

use spillway_serving::options::within;

/// A number of things that may be none.
pub(super) fn count(text: &str) -> Result<u32, String> {
    within(text, 0..=100_000)
}

/// A number of tokens.
pub(super) fn tokens(text: &str) -> Result<u32, String> {
    within(text, 1..=10_000_000)
}

/// A number of things of which there must be one.
pub(super) fn at_least_one(text: &str) -> Result<u32, String> {
    within(text, 1..=100_000)
}

/// A number of threads.
pub(super) fn threads(text: &str) -> Result<u32, String> {
    within(text, 1..=256)
}

/// A number of bytes.
pub(super) fn bytes(text: &str) -> Result<u32, String> {
    within(text, 1_024..=1_073_741_824)
}

/// A number of MiB.
pub(super) fn mib(text: &str) -> Result<u32, String> {
    within(text, 1..=1_048_576)
}

/// A time limit in seconds.
pub(super) fn limit_s(text: &str) -> Result<u32, String> {
    within(text, 1..=86_400)
}

/// A time in seconds that may be none.
pub(super) fn time_s(text: &str) -> Result<u32, String> {
    within(text, 0..=86_400)
}

/// A time in milliseconds that may be none.
pub(super) fn time_ms(text: &str) -> Result<u32, String> {
    within(text, 0..=3_600_000)
}

/// Things per second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    within(text, 0.1..=10_000_000.0)
}

/// A share.
pub(super) fn ratio(text: &str) -> Result<f64, String> {
    within(text, 0.0..=1.0)
}
