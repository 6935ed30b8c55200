//! Why a circuit opened or closed: the words of logs, metrics and the console.

use serde::{Deserialize, Serialize};

/// Why a circuit opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TripReason {
    /// So many failures in a row.
    ConsecutiveFailures,
    /// Too large a share of failures.
    FailureRatio,
    /// A probe failed.
    ProbeFailed,
    /// Nothing was heard of a probe.
    ProbeLost,
    /// The endpoint asked for time, with 429 or 503 and `Retry-After`.
    RetryAfter,
    /// The endpoint said that it is not ready, or about to stop.
    NotReady,
}

/// Why a circuit closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResetReason {
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// The time that the endpoint had asked for is over.
    WaitIsOver,
}

impl TripReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::ConsecutiveFailures,
        Self::FailureRatio,
        Self::ProbeFailed,
        Self::ProbeLost,
        Self::RetryAfter,
        Self::NotReady,
    ];

    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::FailureRatio => "failure_ratio",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeLost => "probe_lost",
            Self::RetryAfter => "retry_after",
            Self::NotReady => "not_ready",
        }
    }

    /// Whether the endpoint counts as broken, so that it has to be probed; else it is only busy, for a time that is
    /// known.
    #[must_use]
    pub const fn is_broken(self) -> bool {
        !matches!(self, Self::RetryAfter | Self::NotReady)
    }
}

impl ResetReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::ProbesSucceeded, Self::WaitIsOver];

    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProbesSucceeded => "probes_succeeded",
            Self::WaitIsOver => "wait_is_over",
        }
    }
}
