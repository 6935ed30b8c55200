//! Why an answer is not kept.

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unstorable {
    /// A status other than 200.
    Status,
    /// It says `no-store`.
    NoStore,
    /// It says `no-cache`: not to be used unvalidated.
    NoCache,
    /// It says `private`.
    Private,
    /// The request had `Authorization`, the entry would be everybody's, and nothing permits that.
    Authorization,
    /// It sets a cookie.
    SetCookie,
    /// A content coding that is not known.
    ContentEncoding,
    /// It depends on a header of the request that is not in the key.
    Vary,
    /// Neither JSON nor a stream of events.
    ContentType,
    /// It has no validator and would need one.
    NoValidator,
    /// Another release answered than the key says.
    OtherRelease,
    /// It is less than what was asked for.
    Degraded,
    /// It would never be fresh nor of use when stale.
    AlreadyStale,
    /// Longer than the limit.
    TooLarge,
    /// Its connection or its stream broke.
    Incomplete,
    /// It claims to be JSON and is none, or no object.
    NotJson,
    /// Its stream ended without the terminal event.
    NoTerminalEvent,
    /// The server stopped before the answer was whole.
    Unfinished,
    /// The answer is an error, for all that its status says.
    Error,
}

impl Unstorable {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::Status,
        Self::NoStore,
        Self::NoCache,
        Self::Private,
        Self::Authorization,
        Self::SetCookie,
        Self::ContentEncoding,
        Self::Vary,
        Self::ContentType,
        Self::NoValidator,
        Self::OtherRelease,
        Self::Degraded,
        Self::AlreadyStale,
        Self::TooLarge,
        Self::Incomplete,
        Self::NotJson,
        Self::NoTerminalEvent,
        Self::Unfinished,
        Self::Error,
    ];

    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::NoStore => "answer_no_store",
            Self::NoCache => "answer_no_cache",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::SetCookie => "set_cookie",
            Self::ContentEncoding => "content_encoding",
            Self::Vary => "vary",
            Self::ContentType => "answer_content_type",
            Self::NoValidator => "no_validator",
            Self::OtherRelease => "other_release",
            Self::Degraded => "degraded",
            Self::AlreadyStale => "already_stale",
            Self::TooLarge => "answer_too_large",
            Self::Incomplete => "incomplete",
            Self::NotJson => "answer_not_json",
            Self::NoTerminalEvent => "no_terminal_event",
            Self::Unfinished => "unfinished",
            Self::Error => "error",
        }
    }

    /// Whether the next answer to the same request will most likely not be kept either, so that nobody should wait for
    /// it. A failure of one attempt says nothing about the next.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        !matches!(
            self,
            Self::Status
                | Self::Incomplete
                | Self::NotJson
                | Self::NoTerminalEvent
                | Self::Unfinished
                | Self::Error
                | Self::Degraded
        )
    }
}
