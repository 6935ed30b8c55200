//! Why what stands behind a service failed.

/// Why it failed. Its words hold no key and no address: they go to the log and to metrics as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// It did not answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// There is no connection to it, or it broke.
    #[error("there is no connection")]
    Connection,
    /// It refuses these credentials.
    #[error("it refuses the credentials")]
    Denied,
    /// It takes no more.
    #[error("it is full")]
    Full,
    /// What it keeps is damaged as a whole.
    #[error("its files are damaged")]
    Damaged,
    /// Anything else that it said.
    #[error("it failed")]
    Failed,
}

impl Fault {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Connection => "connection",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Failed => "failed",
        }
    }
}
