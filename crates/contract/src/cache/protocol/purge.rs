//! What is purged.

use super::ENTRIES_PATH;
use super::query::{self, QueryError};
use crate::cache::key::{from_hex, to_hex};
use std::fmt;

/// What is purged: everything that was stored before, of one of these.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Purge {
    /// A tenant, by its hash: `tenant=<64 hex>`.
    Tenant([u8; 32]),
    /// A model in every revision: `model=…`.
    Model(String),
    /// One revision of a model: `model=…&revision=…`.
    Revision {
        /// The model.
        model: String,
        /// Its revision.
        revision: String,
    },
    /// One entry: `key=<64 hex>`.
    Key([u8; 32]),
}

const CHOICE: QueryError = QueryError::Choice("one of tenant, model, model with revision, and key");

impl Purge {
    /// From the query of a path.
    ///
    /// # Errors
    /// When it is not exactly one of the choices: a mistyped name must not purge more than was meant.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let [mut tenant, mut model, mut revision, mut key] = [const { None }; 4];
        for pair in query::pairs(query) {
            let (name, value) = pair?;
            match name.as_str() {
                "tenant" => once(&mut tenant, "tenant", value)?,
                "model" => once(&mut model, "model", value)?,
                "revision" => once(&mut revision, "revision", value)?,
                "key" => once(&mut key, "key", value)?,
                _ => return Err(QueryError::UnknownName),
            }
        }
        match (tenant, model, revision, key) {
            (Some(tenant), None, None, None) => hash("tenant", &tenant).map(Self::Tenant),
            (None, Some(model), None, None) => Ok(Self::Model(model)),
            (None, Some(model), Some(revision), None) => Ok(Self::Revision { model, revision }),
            (None, None, None, Some(key)) => hash("key", &key).map(Self::Key),
            _ => Err(CHOICE),
        }
    }

    /// The path that purges this.
    #[must_use]
    pub fn path(&self) -> String {
        let query = match self {
            Self::Tenant(tenant) => format!("tenant={}", to_hex(tenant)),
            Self::Model(model) => format!("model={}", query::encode(model)),
            Self::Revision { model, revision } => {
                format!("model={}&revision={}", query::encode(model), query::encode(revision))
            }
            Self::Key(key) => format!("key={}", to_hex(key)),
        };
        format!("{ENTRIES_PATH}?{query}")
    }

    /// Which kind of purge it is: the word for logs and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::Model(_) => "model",
            Self::Revision { .. } => "revision",
            Self::Key(_) => "key",
        }
    }
}

/// Its kind only: a tenant stands in no log.
impl fmt::Debug for Purge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Purge({})", self.as_str())
    }
}

fn once(place: &mut Option<String>, name: &'static str, value: String) -> Result<(), QueryError> {
    if value.is_empty() && name != "revision" {
        return Err(QueryError::Value { name, expected: "a value" });
    }
    if place.replace(value).is_some() { Err(QueryError::Twice(name)) } else { Ok(()) }
}

fn hash(name: &'static str, value: &str) -> Result<[u8; 32], QueryError> {
    from_hex(value).ok_or(QueryError::Value { name, expected: "64 hex digits" })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn refuses(query: &str, expected: &str) {
        assert_eq!(
            Purge::parse(query).map_err(|error| error.to_string()),
            Err(expected.to_owned()),
            "{query}"
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let model = || "org/model 8B&tenant=x".to_owned();
        for purge in [
            Purge::Tenant([1; 32]),
            Purge::Model(model()),
            Purge::Revision { model: model(), revision: String::new() },
            Purge::Revision { model: model(), revision: "é=1".to_owned() },
            Purge::Key([0xff; 32]),
        ] {
            let path = purge.path();
            let query = path.strip_prefix("/v1/entries?").unwrap();
            assert!(Purge::parse(query).unwrap() == purge, "{path}");
        }
    }

    #[test]
    fn a_mistake_purges_nothing() {
        let choice = "expected one of tenant, model, model with revision, and key";
        let hash = "0".repeat(64);
        refuses("", choice);
        refuses("revision=1", choice);
        refuses(&format!("tenant={hash}&model=x"), choice);
        refuses(&format!("key={hash}&tenant={hash}"), choice);
        refuses("modle=x", "the query has a name that is not known");
        refuses("model=", "model: expected a value");
        refuses("model=x&model=x", "model is there twice");
        refuses("tenant=acme", "tenant: expected 64 hex digits");
        refuses("key=0", "key: expected 64 hex digits");
    }

    #[test]
    fn a_tenant_is_not_shown() {
        assert_eq!(format!("{:?}", Purge::Tenant([1; 32])), "Purge(tenant)");
    }
}
