//! What a request asks for: which circuits it belongs to, and whether it should meet an endpoint again.

use std::hash::Hasher as _;

use spillway_host::{Headers, Host};
use spillway_inference::facts::Facts;
use spillway_pool::Scope;
use twox_hash::XxHash64;

/// About so many bytes are a token.
const BYTES_PER_TOKEN: usize = 4;

/// How requests are told apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    /// The header whose value a session has; empty where there is none.
    pub(crate) session_header: String,
    /// How many tokens of a prompt count; 0 where none do.
    pub(crate) prefix_tokens: usize,
    /// Whether bodies are read.
    pub(crate) reads_bodies: bool,
    /// A longer body is not waited for.
    pub(crate) max_body_bytes: usize,
}

/// What one request asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) scope: Scope,
    pub(crate) affinity: Option<u64>,
}

impl Asking {
    /// What the request at hand asks for, as far as is known.
    pub(crate) fn of(&self, host: &dyn Host, facts: Option<&Facts>) -> Ask {
        let prefix = || facts.filter(|_| self.prefix_tokens > 0)?.prefix_hash;
        Ask {
            scope: Scope::of(facts.and_then(Facts::model_key)),
            affinity: self.session(host).or_else(prefix),
        }
    }

    /// How much of a prompt counts for its prefix.
    pub(crate) const fn prefix_bytes(&self) -> usize {
        self.prefix_tokens.saturating_mul(BYTES_PER_TOKEN)
    }

    /// Whether the request's body has to be waited for: only JSON is, and only where it is not known already.
    pub(crate) fn wants_body(&self, host: &dyn Host) -> bool {
        let is_json = || {
            let content_type =
                host.header(Headers::Request, "content-type").ok().flatten().unwrap_or_default();
            content_type.trim_ascii_start().to_ascii_lowercase().starts_with(b"application/json")
        };
        self.reads_bodies && is_json()
    }

    fn session(&self, host: &dyn Host) -> Option<u64> {
        if self.session_header.is_empty() {
            return None;
        }
        let value = host.header(Headers::Request, &self.session_header).ok()??;
        let mut hasher = XxHash64::with_seed(0);
        hasher.write(&value);
        (!value.is_empty()).then(|| hasher.finish())
    }
}
