//! Why bytes are no entry.

/// Why bytes are no entry, or why an entry cannot become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Damage {
    /// Shorter than the shortest entry.
    #[error("an entry of {0} bytes is too short")]
    TooShort(usize),
    /// The first bytes are not those of an entry.
    #[error("the bytes do not begin as an entry does")]
    NotAnEntry,
    /// Written by another release.
    #[error("an entry of version {0} is not known")]
    Version(u8),
    /// The checksum is not that of the bytes.
    #[error("the checksum does not match")]
    Checksum,
    /// The metadata cannot be read.
    #[error("the metadata cannot be read")]
    Metadata,
    /// More metadata than an entry may have, in bytes.
    #[error("{0} bytes of metadata are too many")]
    MetadataTooLong(usize),
    /// More headers than an entry may have.
    #[error("{0} headers are too many")]
    TooManyHeaders(usize),
}

impl Damage {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::NotAnEntry => "not_an_entry",
            Self::Version(_) => "version",
            Self::Checksum => "checksum",
            Self::Metadata => "metadata",
            Self::MetadataTooLong(_) => "metadata_too_long",
            Self::TooManyHeaders(_) => "too_many_headers",
        }
    }
}
