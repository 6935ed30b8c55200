//! Options of the cache, which the inference worker has too.

use super::ranges;
use crate::cache::CacheConfig;
use crate::tiers::{Location, RedisChunksConfig, StoreConfig};
use anyhow::Result;
use clap::Args;
use spillway_backing::redis::{RedisConfig, RedisMode};
use spillway_backing::secrets;
use spillway_backing::store::{Bucket, Credentials};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Where weights are kept and where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CacheArgs {
    /// The folder in which all processes of this machine share weights
    #[arg(
        long,
        env = "SPILLWAY_WEIGHTS_DIR",
        value_name = "DIRECTORY",
        default_value = "/var/cache/spillway/weights"
    )]
    pub weights_dir: PathBuf,

    /// How much may be in it, in MiB: 1 to 1073741824. Models that were not used for longest give way
    #[arg(long, env = "SPILLWAY_WEIGHTS_MAX_MIB", value_name = "MIB", default_value_t = 65_536, value_parser = ranges::mib)]
    pub weights_max_mib: u64,

    /// For how long it is believed what a model's name stands for: 1 to 31536000. The weights themselves stay
    #[arg(long, env = "SPILLWAY_WEIGHTS_POINTER_TTL_S", value_name = "SECONDS", default_value_t = 3600, value_parser = ranges::ttl_s)]
    pub weights_pointer_ttl_s: u32,

    /// The store, as s3://BUCKET, s3://BUCKET/PREFIX, or a folder. Without it only what is on disk can be loaded
    #[arg(long, env = "SPILLWAY_WEIGHTS_STORE", value_name = "PLACE")]
    pub weights_store: Option<Location>,

    /// Where a bucket's store is, as http://HOST:PORT or https://HOST; Amazon's S3 without it
    #[arg(long, env = "SPILLWAY_WEIGHTS_STORE_ENDPOINT", value_name = "URL")]
    pub weights_store_endpoint: Option<String>,

    /// A bucket's region
    #[arg(long, env = "SPILLWAY_WEIGHTS_STORE_REGION", value_name = "NAME", default_value = "us-east-1")]
    pub weights_store_region: String,

    /// A file with the access key, as Amazon's tools write it. Without it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    /// count, then the machine's own role
    #[arg(long, env = "SPILLWAY_WEIGHTS_STORE_CREDENTIALS_FILE", value_name = "FILE")]
    pub weights_store_credentials_file: Option<PathBuf>,

    /// How long the store may send nothing before it is asked again: 1 to 3600
    #[arg(long, env = "SPILLWAY_WEIGHTS_STALL_TIMEOUT_S", value_name = "SECONDS", default_value_t = 15, value_parser = ranges::limit_s)]
    pub weights_stall_timeout_s: u32,

    /// How often the store is asked for the same chunk: 1 to 64
    #[arg(long, env = "SPILLWAY_WEIGHTS_ATTEMPTS", value_name = "ATTEMPTS", default_value_t = 6, value_parser = ranges::times)]
    pub weights_attempts: u32,

    /// Chunks that are fetched at the same time, each in memory until it is verified: 1 to 64
    #[arg(long, env = "SPILLWAY_WEIGHTS_PARALLEL", value_name = "CHUNKS", default_value_t = 4, value_parser = ranges::times)]
    pub weights_parallel: u32,

    /// Where Redis is, as redis://HOST:PORT; of a cluster some of its nodes, with commas between. Without it chunks are
    /// not kept in Redis
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_URL", value_name = "URL,...", value_delimiter = ',')]
    pub weights_redis_url: Vec<String>,

    /// Whether that is one server or a cluster
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_MODE", value_name = "MODE", value_enum, default_value_t = RedisMode::Single)]
    pub weights_redis_mode: RedisMode,

    /// The user, if not Redis' default one
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_USER", value_name = "NAME")]
    pub weights_redis_user: Option<String>,

    /// A file with the password
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub weights_redis_password_file: Option<PathBuf>,

    /// What keys in Redis begin with
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_PREFIX", value_name = "TEXT", default_value = "spillway:")]
    pub weights_redis_prefix: String,

    /// How long Redis keeps a chunk: 1 to 31536000
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_TTL_S", value_name = "SECONDS", default_value_t = 3600, value_parser = ranges::ttl_s)]
    pub weights_redis_ttl_s: u32,

    /// How long a chunk may take to come from Redis or to go there: 1 to 3600
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_TIMEOUT_S", value_name = "SECONDS", default_value_t = 2, value_parser = ranges::limit_s)]
    pub weights_redis_timeout_s: u32,

    /// Models that are larger are not kept in Redis, in MiB: 1 to 1073741824
    #[arg(long, env = "SPILLWAY_WEIGHTS_REDIS_MAX_MIB", value_name = "MIB", default_value_t = 512, value_parser = ranges::mib)]
    pub weights_redis_max_mib: u64,
}

/// More do not compare faster than a disk reads.
const MOST_VERIFY_THREADS: usize = 8;

impl CacheArgs {
    /// What the cache is made of.
    ///
    /// # Errors
    /// When a file with a secret cannot be read.
    pub fn config(&self) -> Result<CacheConfig> {
        Ok(CacheConfig {
            dir: self.weights_dir.clone(),
            max_bytes: self.weights_max_mib << 20,
            pointer_ttl: seconds(self.weights_pointer_ttl_s),
            store: self.store_config()?,
            redis: self.redis_config()?,
            parallel: size(self.weights_parallel),
            attempts: self.weights_attempts,
            verify_threads: thread::available_parallelism().map_or(1, usize::from).min(MOST_VERIFY_THREADS),
        })
    }

    /// Where the store is, if there is one.
    ///
    /// # Errors
    /// When the credentials cannot be read.
    pub fn store_config(&self) -> Result<Option<StoreConfig>> {
        let Some(location) = self.weights_store.clone() else { return Ok(None) };
        let read =
            |file: &PathBuf| secrets::read("--weights-store-credentials-file", file, Credentials::parse);
        let (name, prefix) = match location {
            Location::Folder(folder) => return Ok(Some(StoreConfig::Folder(folder))),
            Location::Bucket { bucket, prefix } => (bucket, prefix),
        };
        let bucket = Bucket {
            name,
            endpoint: self.weights_store_endpoint.clone(),
            region: self.weights_store_region.clone(),
            credentials: self.weights_store_credentials_file.as_ref().map(read).transpose()?,
        };
        let stall_timeout = seconds(self.weights_stall_timeout_s);
        Ok(Some(StoreConfig::Bucket { bucket, prefix, stall_timeout }))
    }

    fn redis_config(&self) -> Result<Option<RedisChunksConfig>> {
        if self.weights_redis_url.is_empty() {
            return Ok(None);
        }
        let read = |file: &PathBuf| {
            secrets::read("--weights-redis-password-file", file, |text| Ok(text.trim().to_owned()))
        };
        let redis = RedisConfig {
            mode: self.weights_redis_mode,
            urls: self.weights_redis_url.clone(),
            user: self.weights_redis_user.clone(),
            password: self.weights_redis_password_file.as_ref().map(read).transpose()?,
            prefix: self.weights_redis_prefix.clone(),
            timeout: seconds(self.weights_redis_timeout_s),
        };
        Ok(Some(RedisChunksConfig {
            redis,
            ttl: seconds(self.weights_redis_ttl_s),
            max_model_bytes: self.weights_redis_max_mib << 20,
        }))
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
