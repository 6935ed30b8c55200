//! Why a body has no canonical form.

use std::fmt;

/// Why a body has no canonical form, and so no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Not UTF-8 (RFC 8259, section 8.1).
    NotUtf8,
    /// Not JSON.
    NotJson,
    /// JSON, and no object.
    NotAnObject,
    /// Something follows the object.
    TrailingText,
    /// An escape that is half of a pair: servers read it differently.
    LoneSurrogate,
    /// A name comes twice in one object.
    DuplicateName,
    /// Nested too deep.
    TooDeep,
    /// Too many members in one object.
    TooManyMembers,
    /// Too many objects and members in all.
    TooMuch,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::NotUtf8,
        Self::NotJson,
        Self::NotAnObject,
        Self::TrailingText,
        Self::LoneSurrogate,
        Self::DuplicateName,
        Self::TooDeep,
        Self::TooManyMembers,
        Self::TooMuch,
    ];

    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::TrailingText => "trailing_text",
            Self::LoneSurrogate => "lone_surrogate",
            Self::DuplicateName => "duplicate_name",
            Self::TooDeep => "too_deep",
            Self::TooManyMembers => "too_many_members",
            Self::TooMuch => "too_much",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Reason {}
