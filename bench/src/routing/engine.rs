//! The simulated engine behind every worker here, and the traffic that its worker can bear.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use spillway_harness::streamed_chat;

/// Requests that a worker runs at the same time.
pub(super) const SLOTS: u16 = 8;
const OUTPUT_TOKENS: u32 = 8;
/// 20 ms, then eight tokens at 50 a second. Long, so that few requests keep many slots busy.
const MEAN_SERVICE: Duration = Duration::from_millis(180);

/// The workers' options. Headers come at once, as many servers send them: from then on Envoy cannot retry.
pub(super) fn options(seed: u64) -> String {
    format!(
        "--engine simulated --slots {SLOTS} --queue-requests 1000 --base-latency-ms 20 --prefill-tokens-per-s 1000000 \
         --decode-tokens-per-s 50 --jitter-ratio 0.3 --headers-first --seed {seed}"
    )
}

/// The requests per second that are so many percent of what workers of these speeds can do.
pub(super) fn rate(speeds: &[f64], percent: u16) -> f64 {
    let capacity = speeds.iter().sum::<f64>() * f64::from(SLOTS) / MEAN_SERVICE.as_secs_f64();
    capacity * f64::from(percent) / 100.0
}

/// A request of the traffic: streamed, so that it has a first token.
pub(super) fn request() -> Request<Full<Bytes>> {
    streamed_chat(OUTPUT_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_slow_worker_can_do_less() {
        assert!((rate(&[1.0, 1.0, 1.0], 100) - 24.0 / 0.18).abs() < 1e-9);
        assert!((rate(&[1.0, 0.5], 50) - 6.0 / 0.18).abs() < 1e-9);
    }
}
