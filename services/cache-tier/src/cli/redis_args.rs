//! Options of the Redis tier.

use super::{millis, ranges, seconds};
use clap::Args;
use spillway_backing::redis::{RedisConfig, RedisMode};
use spillway_backing::secrets;
use std::path::PathBuf;
use std::time::Duration;

/// What is kept in Redis.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RedisArgs {
    /// Where Redis is, as redis://HOST:PORT; of a cluster some of its nodes, with commas between. Without it there is
    /// no Redis tier
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_URL", value_name = "URL,...", value_delimiter = ',')]
    pub redis_url: Vec<String>,

    /// Whether that is one server or a cluster
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_MODE", value_name = "MODE", value_enum, default_value_t = RedisMode::Single)]
    pub redis_mode: RedisMode,

    /// The user, if not Redis' default one
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_USER", value_name = "NAME")]
    pub redis_user: Option<String>,

    /// A file with the password
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<PathBuf>,

    /// What keys in Redis begin with. Cache tiers with the same prefix share their entries
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_PREFIX", value_name = "TEXT", default_value = "spillway:")]
    pub redis_prefix: String,

    /// How long Redis keeps an entry: 1 to 31536000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_TTL_S", value_name = "SECONDS", default_value_t = 86_400, value_parser = ranges::ttl_s)]
    pub redis_ttl_s: u32,

    /// How long a lookup in Redis may take: 1 to 60000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_TIMEOUT_MS", value_name = "MILLISECONDS", default_value_t = 50, value_parser = ranges::limit_ms)]
    pub redis_timeout_ms: u32,

    /// How often Redis is asked for purges of other cache tiers: 1 to 60000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_REDIS_PURGES_MS", value_name = "MILLISECONDS", default_value_t = 1000, value_parser = ranges::limit_ms)]
    pub redis_purges_ms: u32,
}

impl RedisArgs {
    /// Where Redis is, if there is to be such a tier.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub fn config(&self) -> anyhow::Result<Option<RedisConfig>> {
        if self.redis_url.is_empty() {
            return Ok(None);
        }
        let read =
            |file: &PathBuf| secrets::read("--redis-password-file", file, |text| Ok(text.trim().to_owned()));
        Ok(Some(RedisConfig {
            mode: self.redis_mode,
            urls: self.redis_url.clone(),
            user: self.redis_user.clone(),
            password: self.redis_password_file.as_ref().map(read).transpose()?,
            prefix: self.redis_prefix.clone(),
            timeout: millis(self.redis_timeout_ms),
        }))
    }

    /// How long it keeps an entry, and how long a lookup may take.
    #[must_use]
    pub fn times(&self) -> (Duration, Duration) {
        (seconds(self.redis_ttl_s), millis(self.redis_timeout_ms))
    }

    /// How often purges are asked for.
    #[must_use]
    pub fn marks_every(&self) -> Duration {
        millis(self.redis_purges_ms)
    }
}
