//! Node.js: where the wasm32 tests of the crates run.

use super::apt;
use crate::command::{find, succeeds};
use anyhow::Result;
use std::process::Command;

/// Installs it where that is possible.
pub(crate) fn ensure() -> Result<()> {
    if find("node").is_none() {
        apt::install(&["nodejs"], "Node.js")?;
    }
    Ok(())
}

/// What Node.js must be told: property tests take their seed from the global `crypto`, which version 18 (Debian's) has
/// only when it is asked.
pub(crate) fn arguments() -> Option<&'static str> {
    let asks = "process.exit(globalThis.crypto ? 0 : 1)";
    (!succeeds(Command::new("node").args(["-e", asks]))).then_some("--experimental-global-webcrypto")
}
