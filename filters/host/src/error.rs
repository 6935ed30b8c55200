//! What a call to the host can answer.

/// A status of proxy-wasm 0.2.1 other than "ok".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// There is no such thing.
    NotFound,
    /// The call is not valid now, or an argument is not.
    BadArgument,
    /// A value could not be written in the form that the call takes.
    SerializationFailure,
    /// A value could not be read.
    ParseFailure,
    /// There is nothing there.
    Empty,
    /// The value was changed in between.
    CasMismatch,
    /// The host failed.
    InternalFailure,
    /// The host does not have this call.
    Unimplemented,
    /// A status that proxy-wasm 0.2.1 does not name.
    Other(u32),
}

impl Status {
    /// The status of a return value that is not zero.
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::NotFound,
            2 => Self::BadArgument,
            3 => Self::SerializationFailure,
            4 => Self::ParseFailure,
            7 => Self::Empty,
            8 => Self::CasMismatch,
            10 => Self::InternalFailure,
            12 => Self::Unimplemented,
            other => Self::Other(other),
        }
    }

    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::BadArgument => "bad argument",
            Self::SerializationFailure => "serialization failure",
            Self::ParseFailure => "parse failure",
            Self::Empty => "empty",
            Self::CasMismatch => "changed in between",
            Self::InternalFailure => "internal failure",
            Self::Unimplemented => "unimplemented",
            Self::Other(_) => "unknown status",
        }
    }
}

/// A call to the host that did not work, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {}", status.as_str())]
pub struct HostError {
    /// The call, by its name in the ABI.
    pub call: &'static str,
    /// What the host answered.
    pub status: Status,
}
