//! Envoy's statistics at one moment.

use std::collections::BTreeMap;

/// Counters and gauges by name.
#[derive(Clone, Debug, Default)]
pub struct Stats(BTreeMap<String, u64>);

impl Stats {
    /// Reads what `/stats` answers. Histograms and texts are left out.
    #[must_use]
    pub(crate) fn read(text: &str) -> Self {
        let line = |line: &str| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// The value of that name; 0 for one that is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// The value of one of Spillway's own: `get("wasmcustom.<name>")`.
    #[must_use]
    pub fn own(&self, name: &str) -> u64 {
        self.get(&format!("wasmcustom.{name}"))
    }

    /// How much higher the value of that name is than it was.
    ///
    /// # Panics
    ///
    /// When it is lower.
    #[must_use]
    #[track_caller]
    pub fn rise(&self, before: &Self, name: &str) -> u64 {
        let (old, new) = (before.get(name), self.get(name));
        new.checked_sub(old).unwrap_or_else(|| panic!("{name} fell from {old} to {new}"))
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Names that begin and end so, with their values.
    pub fn matching<'a>(&'a self, prefix: &'a str, suffix: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        self.iter().filter(move |(name, _)| name.starts_with(prefix) && name.ends_with(suffix))
    }

    /// What a pool's endpoints have in flight, by the endpoint's label.
    #[must_use]
    pub fn in_flight(&self, pool: &str) -> BTreeMap<String, u64> {
        let prefix = format!("wasmcustom.spillway.pool.{pool}.endpoint.");
        let label = |name: &str| name[prefix.len()..].trim_end_matches(".in_flight").to_owned();
        self.matching(&prefix, ".in_flight").map(|(name, value)| (label(name), value)).collect()
    }
}
