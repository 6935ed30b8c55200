//! May a request be answered from the cache, and its answer kept?
//!
//! A model that draws its words at random gives another answer each time, and a client that asks twice may want two. So
//! by default only what is the same each time is eligible: embeddings, and completions with a temperature of 0. A
//! `seed` makes a draw repeatable only as far as a server promises it, so it counts where the operator says so.
//!
//! [`by_head`] judges what is known before the body, so that the body of a request that goes past the cache anyway
//! need not be held; [`by_body`] judges the rest. A request that is not eligible and says `only-if-cached` is answered with
//! 504 all the same (RFC 9111, section 5.2.1.7): no entry will ever be there for it.

mod bypass;
mod terms;

pub use bypass::Bypass;
pub use terms::{OnMiss, Terms};

use spillway_inference::api::Api;

use crate::canonical::Facts;
use crate::control::RequestControl;
use crate::media_type::MediaType;

/// Which requests to a model are eligible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cacheable {
    /// Those with the same answer each time.
    #[default]
    Deterministic,
    /// Also those that name a seed.
    SeededToo,
    /// All of them: whoever asks twice gets the same answer twice.
    All,
}

/// What an operator sets about requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Which requests to a model are eligible.
    pub cacheable: Cacheable,
    /// Whether GET is, to any path; such an answer is kept only if it has a validator.
    pub get: bool,
}

/// A request without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The API that its path belongs to.
    pub api: Option<Api>,
    /// The value of `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// What the client asks of caches.
    pub control: &'a RequestControl,
}

/// Whether a request is eligible as far as its head says, and on which terms. A POST must also pass [`by_body`].
///
/// # Errors
///
/// Why it goes past the cache.
pub fn by_head(head: &Head<'_>, policy: Policy) -> Result<Terms, Bypass> {
    // RFC 9111, section 5.2.1.5 forbids to keep the answer. Who forbids that does not expect to be given another's.
    if head.control.no_store {
        return Err(Bypass::NoStore);
    }
    match head.method {
        b"GET" if policy.get => Ok(Terms::of(head.control, true)),
        b"POST" if head.api.is_none() => Err(Bypass::UnknownPath),
        b"POST" if head.content_type.and_then(MediaType::of) != Some(MediaType::Json) => {
            Err(Bypass::ContentType)
        }
        b"POST" => Ok(Terms::of(head.control, false)),
        _ => Err(Bypass::Method),
    }
}

/// Whether a request to a model is eligible as far as its body says.
///
/// # Errors
///
/// Why it goes past the cache.
pub fn by_body(api: Api, facts: &Facts, policy: Policy) -> Result<(), Bypass> {
    let kept_unless_told = api == Api::Responses;
    if facts.background || facts.continues || facts.store.unwrap_or(kept_unless_told) {
        return Err(Bypass::ServerState);
    }
    let same_each_time = api == Api::Embeddings || facts.temperature == Some(0.0);
    match policy.cacheable {
        Cacheable::All => Ok(()),
        _ if same_each_time => Ok(()),
        Cacheable::SeededToo if facts.seed => Ok(()),
        Cacheable::Deterministic if facts.seed => Err(Bypass::Seeded),
        _ => Err(Bypass::NotDeterministic),
    }
}

#[cfg(test)]
mod tests;
