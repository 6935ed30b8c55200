//! What is asked for together with an entry.

use super::query::{self, QueryError};

/// The longest lease.
pub const MAX_LEASE_MS: u32 = 600_000;

/// The longest wait.
pub const MAX_WAIT_MS: u32 = 600_000;

/// The longest time for a lookup.
pub const MAX_WITHIN_MS: u32 = 600_000;

/// What is asked for together with an entry: `within_ms=…`, `lease_ms=…`, `wait_ms=…` and `lease_if_stale=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Lookup {
    /// Look for the entry for so long: what was not found by then is a miss. The tier goes on looking, so that whoever
    /// asks next has it. Without this it takes what all tiers together may take.
    pub within_ms: Option<u32>,
    /// If nobody has the entry, lease it to me for so long.
    pub lease_ms: Option<u32>,
    /// If somebody else has the lease, wait for the entry for so long. Only with `lease_ms`.
    pub wait_ms: Option<u32>,
    /// Lease it to me as well if what you have is stale, so that it is computed anew once. The answer is the stale
    /// entry, and says how the lease stands. Only with `lease_ms`.
    pub lease_if_stale: bool,
}

impl Lookup {
    /// From the query of a path; none is the default.
    ///
    /// # Errors
    /// When a name is not known or comes twice, or a number is not one or out of its range.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut lookup = Self::default();
        for pair in query::pairs(query) {
            let (name, value) = pair?;
            match name.as_str() {
                "within_ms" => once(&mut lookup.within_ms, "within_ms", &value, 1, MAX_WITHIN_MS)?,
                "lease_ms" => once(&mut lookup.lease_ms, "lease_ms", &value, 1, MAX_LEASE_MS)?,
                "wait_ms" => once(&mut lookup.wait_ms, "wait_ms", &value, 0, MAX_WAIT_MS)?,
                "lease_if_stale" if value == "1" => lookup.lease_if_stale = true,
                "lease_if_stale" => return Err(QueryError::Value { name: "lease_if_stale", expected: "1" }),
                _ => return Err(QueryError::UnknownName),
            }
        }
        match lookup {
            Self { lease_ms: None, wait_ms: Some(_), .. } => {
                Err(QueryError::Without { name: "wait_ms", other: "lease_ms" })
            }
            Self { lease_ms: None, lease_if_stale: true, .. } => {
                Err(QueryError::Without { name: "lease_if_stale", other: "lease_ms" })
            }
            _ => Ok(lookup),
        }
    }

    /// The path that asks for this about an entry.
    #[must_use]
    pub fn path(&self, key: &[u8; 32]) -> String {
        let mut path = super::entry_path(key);
        let mut separator = '?';
        let number = |name: &str, value: Option<u32>| value.map(|value| format!("{name}={value}"));
        let parts = [
            number("within_ms", self.within_ms),
            number("lease_ms", self.lease_ms),
            number("wait_ms", self.wait_ms),
            number("lease_if_stale", self.lease_if_stale.then_some(1)),
        ];
        for part in parts.into_iter().flatten() {
            path.push(separator);
            path.push_str(&part);
            separator = '&';
        }
        path
    }
}

fn once(
    place: &mut Option<u32>,
    name: &'static str,
    value: &str,
    min: u32,
    max: u32,
) -> Result<(), QueryError> {
    if place.is_some() {
        return Err(QueryError::Twice(name));
    }
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    *place = Some(number.ok_or(QueryError::Range { name, min, max })?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn refuses(query: &str, expected: &str) {
        assert_eq!(Lookup::parse(query).map_err(|error| error.to_string()), Err(expected.to_owned()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let lookup =
            Lookup { within_ms: Some(40), lease_ms: Some(1_000), wait_ms: Some(0), lease_if_stale: true };
        for (lookup, query) in [
            (Lookup::default(), ""),
            (Lookup { lease_ms: Some(1), ..Lookup::default() }, "lease_ms=1"),
            (Lookup { within_ms: Some(1), ..Lookup::default() }, "within_ms=1"),
            (lookup, "within_ms=40&lease_ms=1000&wait_ms=0&lease_if_stale=1"),
        ] {
            assert_eq!(Lookup::parse(query), Ok(lookup));
            let path = lookup.path(&[0; 32]);
            assert_eq!(path.split_once('?').map_or("", |(_, query)| query), query);
        }
    }

    #[test]
    fn a_mistake_is_named() {
        refuses("lease=5", "the query has a name that is not known");
        refuses("within_ms=0", "within_ms: expected a number from 1 to 600000");
        refuses("lease_ms=0", "lease_ms: expected a number from 1 to 600000");
        refuses("lease_ms=5s", "lease_ms: expected a number from 1 to 600000");
        refuses("lease_ms=1&lease_ms=2", "lease_ms is there twice");
        refuses("wait_ms=600001&lease_ms=1", "wait_ms: expected a number from 0 to 600000");
        refuses("wait_ms=5", "wait_ms needs lease_ms");
        refuses("lease_if_stale=1", "lease_if_stale needs lease_ms");
        refuses("lease_ms=1&lease_if_stale=yes", "lease_if_stale: expected 1");
    }
}
