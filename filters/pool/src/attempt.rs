//! One attempt at one endpoint, as the books see it.

use spillway_primitives::Timestamp;

use crate::PoolId;

/// An attempt that is in flight. Whoever holds it owes [`crate::Pools::end`].
///
/// Not `Clone`: an attempt ends once. Not ended on drop: a drop has no access to the host, and a filter's contexts
/// are dropped by the SDK only after `on_done`, which is where it is ended.
#[derive(Debug)]
#[must_use = "an attempt that is not ended stays in flight for ever"]
pub struct Attempt {
    pub(crate) pool: PoolId,
    pub(crate) place: u32,
    pub(crate) began: Timestamp,
}

impl Attempt {
    /// When it was sent.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The endpoint answered, and the answer was whole.
    Success,
    /// The endpoint refused, broke off, or never answered.
    Failure,
    /// Nobody knows: the client left while the answer was coming.
    Unknown,
    /// Nobody knows: the client left before any answer came. The wait counts as a response time where it is longer
    /// than the mean, so that an endpoint which never answers is known as slow.
    Unanswered,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Unknown, Self::Unanswered];

    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
            Self::Unanswered => "unanswered",
        }
    }
}
