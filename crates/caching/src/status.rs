//! `Cache-Status`: what the cache did, for people and programs on the way (RFC 9211).
//!
//! ```text
//! Cache-Status: spillway; hit; ttl=42; detail=memory
//! Cache-Status: spillway; fwd=bypass; detail=not_deterministic
//! ```
//!
//! The value is one member of a list: a cache nearer to the client appends its own line. The syntax is that of structured
//! fields (RFC 9651); every word of this crate is a token there, and the key a string.

use std::fmt;

use crate::digest::Digest;

/// What this cache calls itself.
const NAME: &str = "spillway";

/// Where an entry lay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// In this Envoy.
    Memory,
    /// In the cache tier's memory.
    TierMemory,
    /// In Redis.
    Redis,
    /// In the object store.
    Store,
    /// On the cache tier's disk.
    Disk,
}

impl Tier {
    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::TierMemory => "tier_memory",
            Self::Redis => "redis",
            Self::Store => "store",
            Self::Disk => "disk",
        }
    }
}

/// Why the request went on (section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forward {
    /// The cache does not handle such requests.
    Bypass,
    /// It does not handle the method.
    Method,
    /// There was no entry for the path.
    UriMiss,
    /// There was no entry for the request, whichever part of the key that lies in.
    Miss,
    /// There was a fresh entry that the request does not allow to use.
    Request,
    /// There was an entry that is stale.
    Stale,
}

impl Forward {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }
}

/// The value of the header. Its display is what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// `None`: it was a hit.
    forward: Option<Forward>,
    ttl: Option<i64>,
    stored: bool,
    collapsed: bool,
    key: Option<Digest>,
    detail: Option<&'static str>,
}

impl CacheStatus {
    /// The answer is an entry, from this tier.
    #[must_use]
    pub const fn hit(tier: Tier) -> Self {
        Self { forward: None, detail: Some(tier.as_str()), ..Self::NOTHING }
    }

    /// The request went on.
    #[must_use]
    pub const fn forward(why: Forward) -> Self {
        Self { forward: Some(why), ..Self::NOTHING }
    }

    /// For how many seconds the answer is fresh yet; less than zero for how long it has been stale.
    #[must_use]
    pub const fn ttl(self, seconds: i64) -> Self {
        Self { ttl: Some(seconds), ..self }
    }

    /// The answer was kept. Says nothing about a hit (section 2.5).
    #[must_use]
    pub const fn stored(self) -> Self {
        Self { stored: true, ..self }
    }

    /// The request waited for another one's answer. Says nothing about a hit (section 2.6).
    #[must_use]
    pub const fn collapsed(self) -> Self {
        Self { collapsed: true, ..self }
    }

    /// The key, for who searches a fault.
    #[must_use]
    pub const fn key(self, key: Digest) -> Self {
        Self { key: Some(key), ..self }
    }

    /// More than the standard has a word for: a reason of this crate. One that could not be sent as it is (section 3.2 of
    /// RFC 9651) is left out.
    #[must_use]
    pub const fn detail(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    const NOTHING: Self =
        Self { forward: None, ttl: None, stored: false, collapsed: false, key: None, detail: None };
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        match self.forward {
            None => f.write_str("; hit")?,
            Some(why) => {
                write!(f, "; fwd={}", why.as_str())?;
                f.write_str(if self.stored { "; stored" } else { "" })?;
                f.write_str(if self.collapsed { "; collapsed" } else { "" })?;
            }
        }
        if let Some(seconds) = self.ttl {
            // The largest integer of a structured field has 15 digits (RFC 9651, section 3.3.1).
            f.write_str("; ttl=")?;
            f.write_str(&seconds.clamp(-999_999_999_999_999, 999_999_999_999_999).to_string())?;
        }
        if let Some(key) = self.key {
            write!(f, "; key=\"{key}\"")?;
        }
        match self.detail {
            Some(detail) if is_token(detail) => write!(f, "; detail={detail}"),
            _ => Ok(()),
        }
    }
}

/// RFC 9651, section 3.3.4.
fn is_token(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(status: CacheStatus, expected: &str) {
        assert_eq!(status.to_string(), expected);
    }

    #[test]
    fn what_is_sent() {
        check(CacheStatus::hit(Tier::Memory).ttl(42), "spillway; hit; ttl=42; detail=memory");
        check(CacheStatus::hit(Tier::Redis).ttl(-7), "spillway; hit; ttl=-7; detail=redis");
        check(CacheStatus::hit(Tier::Disk).stored().collapsed(), "spillway; hit; detail=disk");
        check(
            CacheStatus::hit(Tier::Store).ttl(i64::MAX),
            "spillway; hit; ttl=999999999999999; detail=store",
        );
        check(CacheStatus::forward(Forward::UriMiss).stored(), "spillway; fwd=uri-miss; stored");
        check(
            CacheStatus::forward(Forward::Miss).stored().collapsed(),
            "spillway; fwd=miss; stored; collapsed",
        );
        check(
            CacheStatus::forward(Forward::Bypass).detail("not_deterministic"),
            "spillway; fwd=bypass; detail=not_deterministic",
        );
        check(CacheStatus::forward(Forward::Method).detail("not a token"), "spillway; fwd=method");
        let key = Digest::from_bytes([0xab; 32]);
        let expected = format!("spillway; fwd=stale; key=\"{}\"", "ab".repeat(32));
        check(CacheStatus::forward(Forward::Stale).key(key), &expected);
        check(CacheStatus::forward(Forward::Request), "spillway; fwd=request");
    }

    #[test]
    fn every_reason_can_be_sent() {
        let reasons = crate::eligible::Bypass::all().map(crate::eligible::Bypass::as_str);
        let reasons =
            reasons.chain(crate::storable::Unstorable::ALL.map(crate::storable::Unstorable::as_str));
        for word in reasons {
            assert!(is_token(word), "{word}");
        }
    }
}
