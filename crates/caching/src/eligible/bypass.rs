//! Why a request goes past the cache.

use crate::canonical;

/// Why a request goes past the cache: neither looked up nor kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bypass {
    /// A method that is not cached here.
    Method,
    /// A path whose answers are not understood.
    UnknownPath,
    /// A body that is not JSON.
    ContentType,
    /// The client says `no-store`.
    NoStore,
    /// Nobody says whose request it is.
    NoTenant,
    /// The body is longer than the cache reads.
    BodyTooLarge,
    /// The body has no canonical form.
    Body(canonical::Reason),
    /// The answer is drawn at random.
    NotDeterministic,
    /// It is drawn at random from a seed, and the operator does not trust that.
    Seeded,
    /// It depends on what the server keeps, or the server is to keep it.
    ServerState,
}

impl Bypass {
    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::UnknownPath => "unknown_path",
            Self::ContentType => "content_type",
            Self::NoStore => "no_store",
            Self::NoTenant => "no_tenant",
            Self::BodyTooLarge => "body_too_large",
            Self::Body(reason) => reason.as_str(),
            Self::NotDeterministic => "not_deterministic",
            Self::Seeded => "seeded",
            Self::ServerState => "server_state",
        }
    }

    /// Every reason.
    pub fn all() -> impl Iterator<Item = Self> {
        let bodies = canonical::Reason::ALL.into_iter().map(Self::Body);
        [
            Self::Method,
            Self::UnknownPath,
            Self::ContentType,
            Self::NoStore,
            Self::NoTenant,
            Self::BodyTooLarge,
            Self::NotDeterministic,
            Self::Seeded,
            Self::ServerState,
        ]
        .into_iter()
        .chain(bodies)
    }
}

impl From<canonical::Reason> for Bypass {
    fn from(reason: canonical::Reason) -> Self {
        Self::Body(reason)
    }
}
