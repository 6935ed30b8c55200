//! What went wrong with an attempt.

use std::fmt;

/// What went wrong with an attempt, and is the endpoint's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// No connection came about.
    Connect,
    /// The connection broke before the answer was whole.
    Reset,
    /// It answered with this status.
    Status(u16),
    /// Its first token did not come in time.
    FirstTokenTooLate,
    /// Its stream ended without the terminal event.
    StreamCut,
}

impl Fault {
    /// The word for logs and metrics; statuses share one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Status(_) => "status",
            Self::FirstTokenTooLate => "first_token_too_late",
            Self::StreamCut => "stream_cut",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("no connection"),
            Self::Reset => f.write_str("the connection broke"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::FirstTokenTooLate => f.write_str("no first token in time"),
            Self::StreamCut => f.write_str("a stream without its end"),
        }
    }
}
