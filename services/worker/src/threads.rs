//! How many threads compute.
//!
//! The tensor library asks the environment for the size of its thread pools, once, at the first computation. Setting
//! variables of a running process is not safe, so the program starts itself again in its own place (`exec`: the same
//! process id) with the variables set. Its pool spins while it waits: with more threads than free cores it would be
//! many times slower than with one.

use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variables that the tensor library's two pools read.
const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// Makes sure that `threads` threads compute. Comes back only when that is so.
pub(super) fn limit_compute_threads(threads: u32) -> Result<()> {
    let wanted = threads.to_string();
    if VARIABLES.into_iter().all(|name| std::env::var(name).is_ok_and(|value| value == wanted)) {
        return Ok(());
    }
    let program = std::env::current_exe().context("the program does not know its own file")?;
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let error = command.args(arguments).envs(VARIABLES.map(|name| (name, &wanted))).exec();
    Err(error).context("the program cannot start itself again with its number of threads set")
}
