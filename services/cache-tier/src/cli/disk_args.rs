//! Options of the disk tier.

use super::{millis, ranges, seconds, size};
use crate::tier::DiskConfig;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// What is kept on the disk of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DiskArgs {
    /// A folder for the disk tier, which belongs to this process alone. Without it there is no disk tier
    #[arg(long, env = "SPILLWAY_CACHE_TIER_DISK_DIR", value_name = "FOLDER")]
    pub disk_dir: Option<PathBuf>,

    /// How much of the disk its file may take: 16777216 to 17592186044416
    #[arg(long, env = "SPILLWAY_CACHE_TIER_DISK_MAX_BYTES", value_name = "BYTES", default_value_t = 1_073_741_824, value_parser = ranges::file_bytes)]
    pub disk_max_bytes: u64,

    /// How long the disk keeps an entry: 1 to 31536000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_DISK_TTL_S", value_name = "SECONDS", default_value_t = 86_400, value_parser = ranges::ttl_s)]
    pub disk_ttl_s: u32,

    /// How long a lookup on the disk may take: 1 to 60000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_DISK_TIMEOUT_MS", value_name = "MILLISECONDS", default_value_t = 100, value_parser = ranges::limit_ms)]
    pub disk_timeout_ms: u32,
}

impl DiskArgs {
    /// Where the disk tier is, if there is to be one.
    #[must_use]
    pub fn config(&self, max_entry_bytes: u32) -> Option<DiskConfig> {
        let folder = self.disk_dir.clone()?;
        Some(DiskConfig { folder, max_bytes: self.disk_max_bytes, max_entry_bytes: size(max_entry_bytes) })
    }

    /// How long it keeps an entry, and how long a lookup may take.
    #[must_use]
    pub fn times(&self) -> (Duration, Duration) {
        (seconds(self.disk_ttl_s), millis(self.disk_timeout_ms))
    }
}
