//! Redis: what the cache tier's tests run servers and clusters of.

use super::{apt, step};
use crate::command::find;
use anyhow::Result;

/// Installs it where that is possible.
pub(crate) fn ensure() -> Result<()> {
    match find("redis-server").filter(|_| find("redis-cli").is_some()) {
        Some(found) => step("Redis", format_args!("{} is here", found.display())),
        None => apt::install(&["redis-server"], "Redis")?,
    }
    Ok(())
}
