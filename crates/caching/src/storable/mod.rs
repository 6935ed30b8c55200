//! May an answer be kept?
//!
//! An answer that is kept is given to others for minutes, so everything that makes it one client's, or no whole and good
//! answer, keeps it out. [`by_head`] judges what is known before the body, so that the body of an answer that is not kept
//! anyway need not be held; [`by_body`] judges the rest, when the answer has ended.
//!
//! What it does not do: say for how long it is kept ([`crate::freshness`]), or compare the answer with the question.

mod body;
mod events;
mod reason;

pub use body::by_body;
pub use reason::Unstorable;

use crate::control::ResponseControl;
use crate::freshness::Freshness;
use crate::media_type::MediaType;

/// What an operator sets about answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy<'a> {
    /// Whether an answer to a request with `Authorization` may be kept for everybody though it does not say so.
    pub share_authorized: bool,
    /// Content codings that may be kept beside none at all. An answer whose coding depends on the client's
    /// `Accept-Encoding` says so with `Vary`, and is then kept only if that is in `keyed`.
    pub codings: &'a [&'a str],
    /// Request headers that are part of the key, in lower case: an answer may vary by them.
    pub keyed: &'a [&'a str],
}

/// What the answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Whether two requests with different `Authorization` never share an entry.
    pub tenant_is_authorization: bool,
    /// Whether the request had `Authorization`.
    pub authorized: bool,
    /// The release in the key.
    pub release: Option<&'a [u8]>,
    /// Whether it is kept only with a validator ([`crate::eligible::Terms::needs_validator`]).
    pub needs_validator: bool,
}

/// An answer without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// The value of `Content-Encoding`.
    pub content_encoding: Option<&'a [u8]>,
    /// The lines of `Vary`.
    pub vary: &'a [&'a [u8]],
    /// What it says to caches.
    pub control: &'a ResponseControl,
    /// For how long it could be used.
    pub freshness: Freshness,
    /// Whether it sets a cookie.
    pub set_cookie: bool,
    /// Whether it has `ETag` or `Last-Modified`.
    pub has_validator: bool,
    /// The release that answered, where the answer names it.
    pub release: Option<&'a [u8]>,
    /// Whether it is less than what was asked for: another model, a shorter output.
    pub degraded: bool,
}

/// Whether an answer may be kept as far as its head says, and what its body then is.
///
/// # Errors
///
/// Why not.
pub fn by_head(head: &Head<'_>, asked: &Asked<'_>, policy: &Policy<'_>) -> Result<MediaType, Unstorable> {
    let control = head.control;
    // RFC 9111, section 3.5. An entry of one tenant goes only to who has shown the same credential.
    let may_be_shared =
        asked.tenant_is_authorization || policy.share_authorized || control.permits_authorized();
    let release_differs = matches!((head.release, asked.release), (Some(one), Some(other)) if one != other);
    let none = head.content_encoding.unwrap_or_default().trim_ascii();
    let coding_is_known =
        none.is_empty() || is_one_of(none, policy.codings) || is_one_of(none, &["identity"]);
    for (refused, reason) in [
        (head.status != 200, Unstorable::Status),
        (control.no_store, Unstorable::NoStore),
        (control.no_cache, Unstorable::NoCache),
        (control.private, Unstorable::Private),
        (asked.authorized && !may_be_shared, Unstorable::Authorization),
        (head.set_cookie, Unstorable::SetCookie),
        (!coding_is_known, Unstorable::ContentEncoding),
        (varies(head, asked, policy), Unstorable::Vary),
        (asked.needs_validator && !head.has_validator, Unstorable::NoValidator),
        (release_differs, Unstorable::OtherRelease),
        (head.degraded, Unstorable::Degraded),
        (!head.freshness.is_worth_keeping(), Unstorable::AlreadyStale),
    ] {
        if refused {
            return Err(reason);
        }
    }
    head.content_type.and_then(MediaType::of).ok_or(Unstorable::ContentType)
}

/// Whether the answer depends on a header of the request that is not in the key (RFC 9111, section 4.1).
fn varies(head: &Head<'_>, asked: &Asked<'_>, policy: &Policy<'_>) -> bool {
    let names = head.vary.iter().flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let has_no_coding = head.content_encoding.is_none();
    names.filter(|name| !name.is_empty()).any(|name| {
        // What has no coding can be read by everybody; a tenant is known by its credential.
        let is_harmless = has_no_coding && is_one_of(name, &["accept-encoding"])
            || asked.tenant_is_authorization && is_one_of(name, &["authorization"]);
        !is_harmless && !is_one_of(name, policy.keyed)
    })
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
}

#[cfg(test)]
mod tests;
