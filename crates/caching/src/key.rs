//! The key of an entry: a digest of everything that an answer depends on.
//!
//! A part that is missing here is an answer that somebody gets who should not: so the tenant, the model's release and
//! the route are parts, and every part has its length before it, so that no byte can move from one into the next.

use crate::digest::{Digest, Hasher, Kind};

/// Whose answers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tenant {
    /// Everybody's: the operator says so.
    Shared,
    /// One tenant's.
    Of(Digest),
}

impl Tenant {
    /// The tenant that proves itself with this credential, such as the value of `Authorization`. The credential cannot
    /// be read back.
    #[must_use]
    pub fn of_credential(credential: &[u8]) -> Self {
        Self::Of(digest_of(Kind::Credential, credential))
    }

    /// The tenant whose name somebody vouches for, such as a header that the operator's authentication sets.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Self {
        Self::Of(digest_of(Kind::Name, name))
    }
}

/// All that an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyParts<'a> {
    /// Whose answer it is.
    pub tenant: Tenant,
    /// The route, the cluster or the pool: who answers.
    pub route: &'a [u8],
    /// The method, as it is sent: methods are case-sensitive (RFC 9110, section 9.1).
    pub method: &'a [u8],
    /// The path with its query, byte for byte.
    pub path: &'a [u8],
    /// The host, where several hosts share a route and answer differently.
    pub host: Option<&'a [u8]>,
    /// Other headers of the request that change its answer, as bytes that tell names and values apart.
    pub headers: &'a [u8],
    /// The model that is asked for.
    pub model: Option<&'a [u8]>,
    /// The model's revision or the release that answers, where it is known.
    pub release: Option<&'a [u8]>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The canonical digest of the body; `None` where there is no body.
    pub body: Option<Digest>,
}

impl KeyParts<'_> {
    /// The key.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // All of them by name: whoever adds a part is made to add it here.
        let Self { tenant, route, method, path, host, headers, model, release, stream, body } = self;
        let mut hasher = Hasher::new(Kind::Key);
        let tenant = match tenant {
            Tenant::Shared => None,
            Tenant::Of(digest) => Some(digest.as_bytes().as_slice()),
        };
        let body = body.as_ref().map(|digest| digest.as_bytes().as_slice());
        for part in
            [tenant, Some(route), Some(method), Some(path), *host, Some(headers), *model, *release, body]
        {
            hasher.number(u64::from(part.is_some()));
            hasher.bytes(part.unwrap_or_default());
        }
        hasher.number(u64::from(*stream));
        hasher.finish()
    }
}

fn digest_of(kind: Kind, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(kind);
    hasher.bytes(bytes);
    hasher.finish()
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
