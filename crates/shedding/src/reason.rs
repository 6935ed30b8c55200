//! Why a request is refused: the words of logs, metrics and error bodies.

use serde::{Deserialize, Serialize};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The pool is so overloaded that its level gets nothing at all.
    Saturated,
    /// Enough requests of its level wait.
    QueueFull,
    /// It would come to its turn, or came to it, too late for its client.
    Deadline,
    /// It waited, and its place went to a request that had more right to it.
    Preempted,
    /// No endpoint can take it.
    NoEndpoint,
    /// Its tenant has sent enough requests for now.
    OverRequestBudget,
    /// Its tenant has used enough tokens for now.
    OverTokenBudget,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Saturated,
        Self::QueueFull,
        Self::Deadline,
        Self::Preempted,
        Self::NoEndpoint,
        Self::OverRequestBudget,
        Self::OverTokenBudget,
    ];

    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::QueueFull => "queue_full",
            Self::Deadline => "deadline",
            Self::Preempted => "preempted",
            Self::NoEndpoint => "no_endpoint",
            Self::OverRequestBudget => "over_request_budget",
            Self::OverTokenBudget => "over_token_budget",
        }
    }

    /// Whether it is refused because of load. Else it is rate-limited, or there is nobody to serve it.
    #[must_use]
    pub const fn is_shed(self) -> bool {
        matches!(self, Self::Saturated | Self::QueueFull | Self::Deadline | Self::Preempted)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn words_are_distinct_and_a_budget_is_no_load() {
        let mut words = Reason::ALL.map(Reason::as_str).to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
        let shed = Reason::ALL.into_iter().filter(|reason| reason.is_shed()).count();
        assert_eq!(shed, 4);
    }
}
