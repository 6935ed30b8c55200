//! How long an endpoint may take to say its first word.

use std::time::Duration;

/// Limits of the time to first token.
///
/// The first word of an answer that is not streamed is the whole answer, which takes as long as it is: its limit grows
/// with the output that the request allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// For a stream.
    pub first_token: Duration,
    /// For each token of an answer that is not streamed, on top.
    pub per_output_token: Duration,
    /// The tokens of an answer whose request does not say.
    pub assumed_output_tokens: u32,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(30),
            per_output_token: Duration::from_millis(100),
            assumed_output_tokens: 1024,
        }
    }
}

impl TimeLimits {
    /// The limit of a request that is known to be `streamed`, or not, or of which nothing is known; and that allows
    /// so many tokens of output.
    #[must_use]
    pub fn of(&self, streamed: Option<bool>, output_tokens: Option<u32>) -> Duration {
        match streamed {
            Some(true) => self.first_token,
            _ => {
                let tokens = output_tokens.unwrap_or(self.assumed_output_tokens);
                self.first_token.saturating_add(self.per_output_token.saturating_mul(tokens))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_not_streamed_may_take_as_long_as_its_output() {
        let limits = TimeLimits::default();
        let seconds = |streamed, tokens| limits.of(streamed, tokens).as_secs();
        assert_eq!(seconds(Some(true), Some(5_000)), 30);
        assert_eq!(seconds(Some(false), Some(100)), 40);
        assert_eq!(seconds(Some(false), None), 132);
        assert_eq!(seconds(None, None), 132);
        assert_eq!(seconds(None, Some(u32::MAX)), 429_496_759);
    }
}
