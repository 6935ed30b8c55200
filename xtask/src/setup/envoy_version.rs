//! Which Envoy is new enough.
//!
//! 1.36 is the first whose Wasm filters hold back the headers until a decision is made from the body
//! (`allow_on_headers_stop_iteration`) and reload after a trap without hanging the request that trapped.

use anyhow::{Context, Result};
use std::fmt;
use std::path::Path;
use std::process::Command;

/// Major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32);

/// The oldest that will do.
pub(crate) const OLDEST: Version = Version(1, 36);

impl Version {
    /// Asks the program itself.
    pub(crate) fn of(envoy: &Path) -> Result<Self> {
        let said = crate::command::capture(Command::new(envoy).arg("--version"))?;
        Self::parse(&said).with_context(|| format!("{} does not tell a version of Envoy", envoy.display()))
    }

    /// From `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`; builds from a branch say `1.41.0-dev`.
    fn parse(said: &str) -> Option<Self> {
        let (_, rest) = said.split_once("version:")?;
        let mut numbers = rest.trim().split('/').nth(1)?.split('.');
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, Version};

    #[test]
    fn the_version_is_read_from_what_envoy_says() {
        for (said, version) in [
            ("\nenvoy  version: 0f2e5d1/1.40.0/Clean/RELEASE/BoringSSL\n", Some(Version(1, 40))),
            ("envoy version: abc/1.41.0-dev/Modified/DEBUG/BoringSSL", Some(Version(1, 41))),
            ("envoy version: abc/two.one/Clean", None),
            ("usage: envoy <command>", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(said), version, "{said}");
        }
    }

    #[test]
    fn minors_are_numbers() {
        assert!(Version(1, 9) < OLDEST);
        assert!(Version(1, 35) < OLDEST);
        assert!(Version(1, 36) >= OLDEST);
        assert!(Version(2, 0) > OLDEST);
    }
}
