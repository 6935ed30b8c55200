//! Numbers on the command line, each within its range.

use spillway_serving::options::within;

/// A number of things of which there must be one.
pub(super) fn at_least_one(text: &str) -> Result<u32, String> {
    within(text, 1..=10_000_000)
}

/// A number of things that may be none.
pub(super) fn count(text: &str) -> Result<u32, String> {
    within(text, 0..=10_000_000)
}

/// A number of threads.
pub(super) fn threads(text: &str) -> Result<u32, String> {
    within(text, 1..=256)
}

/// The size of an entry.
pub(super) fn entry_bytes(text: &str) -> Result<u32, String> {
    within(text, 1_024..=268_435_456)
}

/// A threshold of bytes that may be none.
pub(super) fn threshold_bytes(text: &str) -> Result<u32, String> {
    within(text, 0..=268_435_456)
}

/// How large a tier or a queue is.
pub(super) fn tier_bytes(text: &str) -> Result<u64, String> {
    within(text, 1_048_576..=17_592_186_044_416)
}

/// How large a file is.
pub(super) fn file_bytes(text: &str) -> Result<u64, String> {
    within(text, 16_777_216..=17_592_186_044_416)
}

/// How long a tier keeps entries.
pub(super) fn ttl_s(text: &str) -> Result<u32, String> {
    within(text, 1..=31_536_000)
}

/// A time limit in seconds.
pub(super) fn limit_s(text: &str) -> Result<u32, String> {
    within(text, 1..=86_400)
}

/// A time in seconds that may be none.
pub(super) fn time_s(text: &str) -> Result<u32, String> {
    within(text, 0..=86_400)
}

/// A time limit in milliseconds.
pub(super) fn limit_ms(text: &str) -> Result<u32, String> {
    within(text, 1..=60_000)
}

/// A time in milliseconds that may be none.
pub(super) fn time_ms(text: &str) -> Result<u32, String> {
    within(text, 0..=60_000)
}
