//! `cargo xtask lint`: what can be judged without running the product.

mod deny;
mod files;
mod layering;
mod rules;
mod toolchain;

use crate::layout::Layout;
use crate::packages::{graph, members};
use crate::say;
use anyhow::{Result, bail};
use std::time::Instant;

/// What became of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// One check.
#[derive(Debug)]
pub(crate) struct Check {
    name: &'static str,
    pub(crate) result: Verdict,
    seconds: u64,
}

/// Runs all checks and prints them; `true` if none failed.
pub(crate) fn run(layout: &Layout) -> Result<bool> {
    let checks = checks(layout)?;
    let failed = checks.iter().filter(|check| check.result == Verdict::Failed).count();
    if failed > 0 {
        say::line(format_args!("{failed} of {} checks failed", checks.len()));
    }
    Ok(failed == 0)
}

/// Runs all checks, the quick ones first; none stops the next.
pub(crate) fn checks(layout: &Layout) -> Result<Vec<Check>> {
    let members = members(layout)?;
    let graph = graph(layout)?;
    let checks = vec![
        check("layering", || layering::check(layout, &graph)),
        check("file sizes", || files::check(layout)),
        check("format", || toolchain::format(layout)),
        check("clippy", || toolchain::clippy(layout, &members)),
        check("clippy, services", || toolchain::clippy_services(layout, &members)),
        check("clippy, wasm32", || toolchain::clippy_wasm(layout, &members)),
        check("documentation", || toolchain::documentation(layout, &members)),
        check("licences and bans", || deny::check(layout)),
    ];
    say::line("");
    for Check { name, result, seconds } in &checks {
        let word = match result {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "skipped",
        };
        say::step("lint", name, format_args!("{word:<8}{seconds:>4} s"));
    }
    Ok(checks)
}

/// A check returns whether it could be made at all on this machine.
fn check(name: &'static str, of: impl FnOnce() -> Result<bool>) -> Check {
    say::step("lint", name, "checking");
    let started = Instant::now();
    let result = match of() {
        Ok(true) => Verdict::Passed,
        Ok(false) => Verdict::Skipped,
        Err(error) => {
            say::step("lint", name, format_args!("{error:#}"));
            Verdict::Failed
        }
    };
    Check { name, result, seconds: started.elapsed().as_secs() }
}

/// An error of all findings, one a line.
fn none_of(findings: &[String]) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    bail!("{} findings\n  {}", findings.len(), findings.join("\n  "))
}
