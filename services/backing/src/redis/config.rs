//! Where Redis is.

use anyhow::{Context, bail};
use redis::IntoConnectionInfo;
use std::fmt;
use std::time::Duration;

/// One server or a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RedisMode {
    /// One server, or a proxy that looks like one
    Single,
    /// A Redis Cluster, found from any of its nodes
    Cluster,
}

/// Where Redis is, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// One server or a cluster.
    pub mode: RedisMode,
    /// Addresses as URLs, without credentials; of a cluster, some of its nodes.
    pub urls: Vec<String>,
    /// The user, if not the default one.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What keys begin with.
    pub prefix: String,
    /// How long one lookup may take; connecting may take longer.
    pub timeout: Duration,
}

/// Everything but the password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("mode", &self.mode)
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

impl RedisConfig {
    /// Looks for mistakes.
    ///
    /// # Errors
    /// When an address is none or holds credentials, or when there are several of a single server.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.mode == RedisMode::Single && self.urls.len() > 1 {
            bail!("--redis-url names {} servers, which needs --redis-mode cluster", self.urls.len());
        }
        for url in &self.urls {
            // A mistyped address could hold a password, so it is not repeated.
            let info = url.as_str().into_connection_info();
            let info = info.ok().context("--redis-url: expected redis://HOST:PORT")?;
            let settings = info.redis_settings();
            if settings.password().is_some() || settings.username().is_some() {
                bail!(
                    "--redis-url holds credentials, which belong into --redis-password-file and --redis-user"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mode: RedisMode, urls: &[&str], expected: Result<(), &str>) {
        let config = RedisConfig {
            mode,
            urls: urls.iter().map(ToString::to_string).collect(),
            user: None,
            password: Some("secret".to_owned()),
            prefix: String::new(),
            timeout: Duration::from_secs(1),
        };
        let checked = config.check().map_err(|error| error.to_string());
        assert_eq!(checked, expected.map_err(str::to_owned), "{urls:?}");
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn addresses_are_checked_and_credentials_refused() {
        use RedisMode::{Cluster, Single};
        let (one, two) = ("redis://127.0.0.1:1", "redis://127.0.0.1:2");
        check(Single, &[one], Ok(()));
        check(Cluster, &[one, two], Ok(()));
        check(Single, &[one, two], Err("--redis-url names 2 servers, which needs --redis-mode cluster"));
        check(Single, &["127.0.0.1"], Err("--redis-url: expected redis://HOST:PORT"));
        let credentials =
            "--redis-url holds credentials, which belong into --redis-password-file and --redis-user";
        check(Single, &["redis://:pass@127.0.0.1:1"], Err(credentials));
        check(Single, &["redis://user@127.0.0.1:1"], Err(credentials));
    }
}
