//! The command line.
//!
//! Units are in the names, ranges in the help, and a value out of range is refused before anything starts. Every option
//! can be given in the environment as well: `SPILLWAY_CACHE_TIER_` and its name, in upper case with underscores.
//! Secrets are read from files, because arguments can be seen by everybody on the machine.

mod disk_args;
mod memory_args;
mod ranges;
mod redis_args;
mod seal_args;
mod server_args;
mod store_args;
#[cfg(test)]
mod tests;
mod tier_args;

pub use disk_args::DiskArgs;
pub use memory_args::MemoryArgs;
pub use redis_args::RedisArgs;
pub use seal_args::SealArgs;
pub use server_args::ServerArgs;
pub use store_args::StoreArgs;
pub use tier_args::TierArgs;

use anyhow::bail;
use clap::Parser;

/// Keeps answers of the response cache in memory, on disk, in Redis and in an object store.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "spillway-cache-tier", version)]
pub struct Args {
    /// The server's options.
    #[command(flatten)]
    pub server: ServerArgs,

    /// The options of memory and leases.
    #[command(flatten)]
    pub memory: MemoryArgs,

    /// The options of the disk tier.
    #[command(flatten)]
    pub disk: DiskArgs,

    /// The options of the Redis tier.
    #[command(flatten)]
    pub redis: RedisArgs,

    /// The options of the object store tier.
    #[command(flatten)]
    pub store: StoreArgs,

    /// What all tiers behind memory have in common.
    #[command(flatten)]
    pub tiers: TierArgs,

    /// How entries are kept outside of this process.
    #[command(flatten)]
    pub seal: SealArgs,

    /// What is logged to standard error, as in RUST_LOG: a level, or levels by module
    #[arg(long, env = "SPILLWAY_CACHE_TIER_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

impl Args {
    /// Looks for options that do not go together.
    ///
    /// # Errors
    /// The first such pair.
    pub fn check(&self) -> anyhow::Result<()> {
        if !self.server.listen.ip().is_loopback() && self.server.token_file.is_none() {
            bail!("--listen {} is not loopback, so --token-file is needed", self.server.listen);
        }
        let (memory, entry) = (self.memory.memory_max_bytes, u64::from(self.server.max_entry_bytes));
        if memory < entry.saturating_mul(4) {
            bail!("--memory-max-bytes {memory} is less than four times --max-entry-bytes {entry}");
        }
        if self.disk.disk_dir.is_some() && self.disk.disk_max_bytes < entry.saturating_mul(16) {
            let disk = self.disk.disk_max_bytes;
            bail!("--disk-max-bytes {disk} is less than sixteen times --max-entry-bytes {entry}");
        }
        if self.tiers.queue_max_bytes < u64::from(self.server.max_entry_bytes) {
            let queue = self.tiers.queue_max_bytes;
            bail!("--queue-max-bytes {queue} is less than --max-entry-bytes {entry}");
        }
        Ok(())
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn seconds(seconds: u32) -> std::time::Duration {
    std::time::Duration::from_secs(u64::from(seconds))
}

fn millis(millis: u32) -> std::time::Duration {
    std::time::Duration::from_millis(u64::from(millis))
}
