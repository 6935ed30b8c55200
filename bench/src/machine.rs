//! The machine that a figure was measured on, and the CPU time of its processes.

use anyhow::{Context, Result};

/// One line about the machine: cores and processor. Figures in absolute units mean nothing without it.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    format!("measured on {cores} cores of {}", model.unwrap_or("an unknown processor"))
}

/// Nanoseconds that all threads of a process have spent on a CPU (Linux: `schedstat`, first field).
///
/// # Errors
///
/// When the process is gone, or the system is not Linux.
pub(crate) fn cpu_nanos(pid: u32) -> Result<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .with_context(|| format!("process {pid} has no /proc entry: gone, or not linux"))?;
    let mut total = 0;
    for task in tasks {
        // A thread that ends while we look has spent next to nothing since the last look.
        let Ok(stat) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        total += stat.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(total)
}
