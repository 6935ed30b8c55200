//! Options of how entries are kept outside of this process.

use super::{ranges, size};
use crate::seal::{Cipher, Seal, parse_keys};
use clap::Args;
use spillway_backing::secrets;
use std::path::PathBuf;

/// How entries are kept on disk, in Redis and in the store.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SealArgs {
    /// Entries larger than this are compressed outside of memory: 0 to 268435456
    #[arg(long, env = "SPILLWAY_CACHE_TIER_COMPRESS_ABOVE_BYTES", value_name = "BYTES", default_value_t = 2048, value_parser = ranges::threshold_bytes)]
    pub compress_above_bytes: u32,

    /// A file with keys of 32 bytes in hex or base64, one a line: entries are encrypted with the first one outside of
    /// memory, and decrypted with any
    #[arg(long, env = "SPILLWAY_CACHE_TIER_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    pub encryption_key_file: Option<PathBuf>,
}

impl SealArgs {
    /// How entries are wrapped.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub fn seal(&self, max_entry_bytes: u32) -> anyhow::Result<Seal> {
        let read = |file| secrets::read("--encryption-key-file", file, parse_keys);
        let keys = self.encryption_key_file.as_deref().map(read).transpose()?;
        Ok(Seal {
            compress_above: Some(size(self.compress_above_bytes)),
            cipher: keys.as_deref().and_then(Cipher::new),
            max_entry_bytes: size(max_entry_bytes),
        })
    }
}
