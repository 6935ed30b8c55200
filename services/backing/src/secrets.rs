//! Files with secrets.

use anyhow::{Context, anyhow};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Reads a file that `option` names and makes something of it. What is in it is not repeated in an error.
///
/// # Errors
/// When it cannot be read, or what `parse` says.
pub fn read<T>(
    option: &str,
    file: &Path,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> anyhow::Result<T> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{option} {shown} cannot be read"))?;
    if file.metadata().is_ok_and(|data| data.mode() & 0o007 != 0) {
        tracing::warn!(option, "everybody on this machine may use the file: its mode should be 0600");
    }
    parse(&text).map_err(|error| anyhow!("{option} {shown}: {error}"))
}
