//! The inference workers behind every proxy here, what they can do, and what is asked of them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HeaderValue;
use spillway_contract::headers::PRIORITY;
use spillway_harness::load::{End, Sample};
use spillway_harness::streamed_chat;

/// Inference workers.
pub(super) const WORKERS: u32 = 3;
/// Requests that one runs at the same time.
pub(super) const SLOTS: u32 = 16;
const OUTPUT_TOKENS: u32 = 24;
const BASE_MS: u32 = 40;
const TOKENS_PER_SECOND: u32 = 80;

/// How long a client waits for its first token, which it says.
pub(super) const DEADLINE: Duration = Duration::from_secs(1);
/// And when it is gone, whatever has come.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// When a client is gone that does not say for how long it waits.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// How important a request is: one in five is critical, three are standard, the rest is sheddable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Critical,
    Standard,
    Sheddable,
}

impl Level {
    pub(super) const ALL: [Self; 3] = [Self::Critical, Self::Standard, Self::Sheddable];

    /// What the request of that number is.
    pub(super) fn of(number: u64) -> Self {
        match fastrand::Rng::with_seed(number).u8(0..10) {
            0..2 => Self::Critical,
            2..5 => Self::Standard,
            _ => Self::Sheddable,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Standard => "standard",
            Self::Sheddable => "sheddable",
        }
    }
}

/// All slots.
pub(super) const fn slots() -> u32 {
    WORKERS * SLOTS
}

/// C: requests a second that keep all slots busy.
pub(super) fn capacity() -> f64 {
    let service = f64::from(BASE_MS) / 1000.0 + f64::from(OUTPUT_TOKENS) / f64::from(TOKENS_PER_SECOND);
    f64::from(slots()) / service
}

/// The workers' options. Headers come at once, as many servers send them.
pub(super) fn engine() -> String {
    format!(
        "--engine simulated --slots {SLOTS} --queue-requests 4000 --base-latency-ms {BASE_MS} \
         --prefill-tokens-per-s 1000000 --decode-tokens-per-s {TOKENS_PER_SECOND} --jitter-ratio 0.3 --headers-first"
    )
}

pub(super) fn describe() -> String {
    format!(
        "C = {:.0} requests/s: {WORKERS} workers of {SLOTS} slots, {BASE_MS} ms, then {OUTPUT_TOKENS} tokens at \
         {TOKENS_PER_SECOND} a second",
        capacity()
    )
}

/// A request of the traffic, of a client that says for how long it waits or of one that does not.
pub(super) fn request(number: u64, says: bool) -> Request<Full<Bytes>> {
    let mut request = streamed_chat(OUTPUT_TOKENS);
    let headers = request.headers_mut();
    headers.insert(PRIORITY, HeaderValue::from_static(Level::of(number).name()));
    if says {
        // As OpenAI's client says it, in seconds.
        headers.insert("x-stainless-timeout", DEADLINE.as_secs().into());
    }
    request
}

/// Whether it was answered.
pub(super) fn is_answered(sample: &Sample) -> bool {
    sample.end == End::Whole && sample.status == 200
}

/// And in time.
pub(super) fn is_good(sample: &Sample) -> bool {
    is_answered(sample) && sample.first_byte.is_some_and(|first| first <= DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_it_should_be() {
        let share = |level| (0..10_000).filter(|number| Level::of(*number) == level).count();
        for (level, expected) in
            [(Level::Critical, 2_000), (Level::Standard, 3_000), (Level::Sheddable, 5_000)]
        {
            assert!(share(level).abs_diff(expected) < 200, "{}: {}", level.name(), share(level));
        }
    }

    #[test]
    fn the_capacity_is_slots_by_service_time() {
        assert!((capacity() - 48.0 / 0.34).abs() < 1e-9);
    }
}
