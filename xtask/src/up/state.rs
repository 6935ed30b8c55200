//! What runs, written down so that `down` finds it: one file for each set-up, next to its logs.

use super::children::Children;
use super::ports::DEFAULT_BASE;
use super::process::Process;
use crate::layout::Layout;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const FILE: &str = "state.json";

/// One running set-up.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) port_base: u16,
    /// The `up` that ends the others when it is asked to; none when they were detached.
    pub(super) supervisor: Option<Process>,
    /// In the order of their start.
    pub(super) processes: Vec<Named>,
}

/// A process and what it is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) process: Process,
}

/// Logs, Envoy's configuration and the state of one set-up.
pub(super) fn folder(layout: &Layout, port_base: u16) -> PathBuf {
    match port_base {
        DEFAULT_BASE => layout.target().join("up"),
        other => layout.target().join(format!("up-{other}")),
    }
}

/// Refuses to start what runs already.
pub(super) fn refuse_second(layout: &Layout, port_base: u16) -> Result<()> {
    let folder = folder(layout, port_base);
    if State::read(&folder)?.is_some_and(|state| state.is_running()) {
        bail!("it runs already on port {port_base}; `{}` ends it", down_command(port_base));
    }
    Ok(())
}

/// The command that ends a set-up.
pub(super) fn down_command(port_base: u16) -> String {
    match port_base {
        DEFAULT_BASE => "cargo xtask down".to_owned(),
        other => format!("cargo xtask down --port-base {other}"),
    }
}

impl State {
    /// Of what this program has started; supervised as long as this program stays.
    pub(super) fn of(port_base: u16, children: &Children, supervised: bool) -> Self {
        let supervisor = if supervised { Process::of(std::process::id()) } else { None };
        let named =
            |(name, process): (&str, &Process)| Named { name: name.to_owned(), process: process.clone() };
        Self { port_base, supervisor, processes: children.processes().map(named).collect() }
    }

    /// None if nothing was written down.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join(FILE);
        let Ok(text) = fs::read(&file) else { return Ok(None) };
        let state = serde_json::from_slice(&text);
        state.with_context(|| format!("{} is broken; remove it when nothing runs", file.display())).map(Some)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let half = folder.join("state.json.part");
        fs::write(&half, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&half, folder.join(FILE)).context("the state cannot be written")
    }

    pub(super) fn remove(folder: &Path) {
        // If it stays it names processes that are gone, which everyone who reads it finds out.
        drop(fs::remove_file(folder.join(FILE)));
    }

    fn is_running(&self) -> bool {
        let all = self.processes.iter().map(|named| &named.process).chain(&self.supervisor);
        all.into_iter().any(Process::is_alive)
    }
}

#[cfg(test)]
mod tests {
    use super::{Children, State, down_command};

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::read(folder.path()).unwrap(), None);
        let state = State::of(10_000, &Children::default(), true);
        assert!(state.is_running(), "this test is its own supervisor");
        assert!(!State::of(10_000, &Children::default(), false).is_running());
        state.write(folder.path()).unwrap();
        assert_eq!(State::read(folder.path()).unwrap(), Some(state));
        State::remove(folder.path());
        assert_eq!(State::read(folder.path()).unwrap(), None);
    }

    #[test]
    fn the_command_names_another_base() {
        assert_eq!(down_command(10_000), "cargo xtask down");
        assert_eq!(down_command(20_000), "cargo xtask down --port-base 20000");
    }
}
