//! Options of the object store tier.

use super::{millis, ranges, seconds};
use crate::tier::StoreConfig;
use clap::Args;
use spillway_backing::secrets;
use spillway_backing::store::{Bucket, Credentials};
use std::path::PathBuf;
use std::time::Duration;

/// What is kept in an object store.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StoreArgs {
    /// A bucket of a store that speaks S3. Without it there is no store tier
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_BUCKET", value_name = "NAME")]
    pub store_bucket: Option<String>,

    /// Where the store is, as http://HOST:PORT or https://HOST; Amazon's S3 without it
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_ENDPOINT", value_name = "URL")]
    pub store_endpoint: Option<String>,

    /// The store's region
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_REGION", value_name = "NAME", default_value = "us-east-1")]
    pub store_region: String,

    /// A file with the access key, as Amazon's tools write it. Without it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    /// count, then the machine's own role
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_CREDENTIALS_FILE", value_name = "FILE")]
    pub store_credentials_file: Option<PathBuf>,

    /// What names of objects begin with. Cache tiers with the same prefix share their entries
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_PREFIX", value_name = "PATH", default_value = "spillway")]
    pub store_prefix: String,

    /// How long the store keeps an entry: 1 to 31536000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_TTL_S", value_name = "SECONDS", default_value_t = 604_800, value_parser = ranges::ttl_s)]
    pub store_ttl_s: u32,

    /// How long a lookup in the store may take: 1 to 60000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_TIMEOUT_MS", value_name = "MILLISECONDS", default_value_t = 500, value_parser = ranges::limit_ms)]
    pub store_timeout_ms: u32,

    /// How often the store is asked for purges of other cache tiers: 1 to 60000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_PURGES_MS", value_name = "MILLISECONDS", default_value_t = 10_000, value_parser = ranges::limit_ms)]
    pub store_purges_ms: u32,

    /// How often entries that have outlived their time are removed from the store: 0 to 86400. 0: never, where the
    /// store has a rule of its own
    #[arg(long, env = "SPILLWAY_CACHE_TIER_STORE_SWEEP_S", value_name = "SECONDS", default_value_t = 3600, value_parser = ranges::time_s)]
    pub store_sweep_s: u32,
}

/// What an envelope adds to an entry, generously.
const ENVELOPE_BYTES: u64 = 1024;

impl StoreArgs {
    /// Where the store is, if there is to be such a tier.
    ///
    /// # Errors
    /// When the credentials cannot be read.
    pub fn config(&self, max_entry_bytes: u32) -> anyhow::Result<Option<StoreConfig>> {
        let Some(name) = self.store_bucket.clone() else { return Ok(None) };
        let read = |file: &PathBuf| secrets::read("--store-credentials-file", file, Credentials::parse);
        let bucket = Bucket {
            name,
            endpoint: self.store_endpoint.clone(),
            region: self.store_region.clone(),
            credentials: self.store_credentials_file.as_ref().map(read).transpose()?,
        };
        Ok(Some(StoreConfig {
            bucket,
            prefix: self.store_prefix.clone(),
            timeout: millis(self.store_timeout_ms),
            max_object_bytes: u64::from(max_entry_bytes) + ENVELOPE_BYTES,
        }))
    }

    /// How long it keeps an entry, and how long a lookup may take.
    #[must_use]
    pub fn times(&self) -> (Duration, Duration) {
        (seconds(self.store_ttl_s), millis(self.store_timeout_ms))
    }

    /// How often purges are asked for.
    #[must_use]
    pub fn marks_every(&self) -> Duration {
        millis(self.store_purges_ms)
    }

    /// How often it is swept, if it is.
    #[must_use]
    pub fn sweep_every(&self) -> Option<Duration> {
        (self.store_sweep_s > 0).then(|| seconds(self.store_sweep_s))
    }
}
