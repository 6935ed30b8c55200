//! What a purge is about, as a number.
//!
//! The number is a hash, so that marks are small, and no tenant is named where they are kept. Two scopes with the same
//! number are purged together: a miss too many, never a hit.

use spillway_contract::cache::entry::EntryRef;
use spillway_contract::cache::protocol::Purge;
use twox_hash::XxHash64;

/// One tenant, model, revision of a model, or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(u64);

/// Kinds of scopes, as seeds: a tenant and a key of the same bytes are two scopes.
const TENANT: u64 = 1;
const MODEL: u64 = 2;
const REVISION: u64 = 3;
const KEY: u64 = 4;

impl Scope {
    /// What a purge is about.
    #[must_use]
    pub fn of(purge: &Purge) -> Self {
        match purge {
            Purge::Tenant(tenant) => Self(XxHash64::oneshot(TENANT, tenant)),
            Purge::Model(model) => Self(XxHash64::oneshot(MODEL, model.as_bytes())),
            Purge::Revision { model, revision } => Self::revision(model, revision),
            Purge::Key(key) => Self(XxHash64::oneshot(KEY, key)),
        }
    }

    /// A scope that somebody kept as a number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// A zero byte parts the two: no name holds one in practice, and one that does is purged a little too much.
    fn revision(model: &str, revision: &str) -> Self {
        Self(XxHash64::oneshot(REVISION, &[model.as_bytes(), b"\0", revision.as_bytes()].concat()))
    }
}

/// Everything that an entry can be purged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes {
    key: Scope,
    model: Scope,
    revision: Scope,
    tenant: Option<Scope>,
}

impl Scopes {
    /// Those of an entry.
    #[must_use]
    pub fn of(entry: &EntryRef<'_>) -> Self {
        Self {
            key: Scope(XxHash64::oneshot(KEY, &entry.key)),
            model: Scope(XxHash64::oneshot(MODEL, entry.model.as_bytes())),
            revision: Scope::revision(entry.model, entry.revision),
            tenant: entry.tenant.map(|tenant| Scope(XxHash64::oneshot(TENANT, &tenant))),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + use<> {
        [Some(self.key), Some(self.model), Some(self.revision), self.tenant].into_iter().flatten()
    }

    /// Whether that scope is one of them.
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.iter().any(|own| own == scope)
    }
}
