//! Numbers on the command line, each within its range.

use crate::manifest::CHUNK_BYTES;
use spillway_serving::options::within;

/// How large the disk may get, or a model that is kept in Redis.
pub(super) fn mib(text: &str) -> Result<u64, String> {
    within(text, 1..=1 << 30)
}

/// The length of a chunk.
pub(super) fn chunk_bytes(text: &str) -> Result<u32, String> {
    within(text, CHUNK_BYTES)
}

/// How long something is kept or believed.
pub(super) fn ttl_s(text: &str) -> Result<u32, String> {
    within(text, 1..=31_536_000)
}

/// A time limit in seconds.
pub(super) fn limit_s(text: &str) -> Result<u32, String> {
    within(text, 1..=3_600)
}

/// Things that are done at the same time, or again.
pub(super) fn times(text: &str) -> Result<u32, String> {
    within(text, 1..=64)
}
