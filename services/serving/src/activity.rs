//! What a connection is doing, and until when it may.

use crate::ConnectionLimits;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::SetOnce;
use tokio::time::Instant;

/// Shared by the socket, the service and the loop of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
    /// Set with the first request.
    used: SetOnce<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    doing: Doing,
    /// Since when the client takes no bytes, while there are some for it.
    blocked: Option<Instant>,
    reset: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// There is no request.
    Idle { since: Instant },
    /// The headers of a request have begun to come.
    Headers { since: Instant },
    /// A request is being answered.
    Answering,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    Headers,
    Idle,
    Sending,
}

impl Late {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "header_timeout",
            Self::Idle => "idle_timeout",
            Self::Sending => "send_timeout",
        }
    }
}

impl Activity {
    pub(crate) fn new(now: Instant) -> Self {
        let state = State { doing: Doing::Idle { since: now }, blocked: None, reset: false };
        Self { state: Mutex::new(state), used: SetOnce::new() }
    }

    /// Bytes have come.
    pub(crate) fn read(&self, now: Instant) {
        let mut state = self.state();
        if let Doing::Idle { .. } = state.doing {
            state.doing = Doing::Headers { since: now };
        }
    }

    /// Bytes were offered to the client, which took some or none.
    pub(crate) fn wrote(&self, taken: bool, now: Instant) {
        let mut state = self.state();
        state.blocked = if taken { None } else { state.blocked.or(Some(now)) };
    }

    /// The headers of a request are complete.
    pub(crate) fn request(&self) {
        self.state().doing = Doing::Answering;
        // Later requests change nothing about the first one.
        let _ = self.used.set(());
    }

    /// Waits until there has been a request.
    pub(crate) async fn used(&self) {
        self.used.wait().await;
    }

    /// An answer was handed over.
    pub(crate) fn answered(&self, now: Instant) {
        self.state().doing = Doing::Idle { since: now };
    }

    /// When it is too late for what the connection is doing, and what that is called. Answers have no limit, as long as
    /// the client takes what there is.
    pub(crate) fn deadline(&self, limits: &ConnectionLimits) -> Option<(Instant, Late)> {
        let state = *self.state();
        if let Some(since) = state.blocked {
            return Some((since + limits.send_timeout, Late::Sending));
        }
        match state.doing {
            Doing::Idle { since } => Some((since + limits.idle_timeout, Late::Idle)),
            Doing::Headers { since } => Some((since + limits.header_timeout, Late::Headers)),
            Doing::Answering => None,
        }
    }

    /// The socket is to be closed with a reset.
    pub(crate) fn mark_reset(&self) {
        self.state().reset = true;
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.state().reset
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the state is held, so a poisoned lock cannot hold half a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_state_has_its_deadline() {
        let limits = ConnectionLimits {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(100),
            send_timeout: Duration::from_secs(20),
            max_connections: 1,
        };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let activity = Activity::new(start);
        assert_eq!(activity.deadline(&limits), Some((at(100), Late::Idle)));
        activity.read(at(50));
        activity.read(at(55));
        assert_eq!(activity.deadline(&limits), Some((at(60), Late::Headers)), "slow headers gain no time");
        activity.request();
        activity.read(at(58));
        assert_eq!(activity.deadline(&limits), None);
        activity.wrote(false, at(59));
        activity.wrote(false, at(65));
        assert_eq!(activity.deadline(&limits), Some((at(79), Late::Sending)));
        activity.wrote(true, at(66));
        assert_eq!(activity.deadline(&limits), None);
        activity.answered(at(70));
        assert_eq!(activity.deadline(&limits), Some((at(170), Late::Idle)));
    }
}
