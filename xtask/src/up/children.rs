//! The processes that this program started. However it leaves, they end, unless they are left on purpose.

use super::process::Process;
use crate::command::tail;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child as Spawned, Command, Stdio};
use std::time::Duration;

/// How long one may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much of a log an error shows.
const LOG_LINES: usize = 25;

#[derive(Debug)]
struct Child {
    name: String,
    spawned: Spawned,
    process: Process,
    log: PathBuf,
}

/// In the order of their start.
#[derive(Debug, Default)]
pub(super) struct Children(Vec<Child>);

impl Children {
    /// Starts one with its output in a log.
    pub(super) fn start(&mut self, name: &str, command: &mut Command, log: PathBuf) -> Result<()> {
        let output = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut spawned = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C goes to the terminal's whole group; these are ended in order instead.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let Some(process) = Process::of(spawned.id()) else {
            let status = spawned.wait()?;
            bail!("{name} ended at once: {status}{}", shown(&log));
        };
        self.0.push(Child { name: name.to_owned(), spawned, process, log });
        Ok(())
    }

    /// An error if one has ended by itself, with what it said last.
    pub(super) fn all_run(&mut self) -> Result<()> {
        for child in &mut self.0 {
            if let Some(status) = child.spawned.try_wait()? {
                bail!("{} ended: {status}{}", child.name, shown(&child.log));
            }
        }
        Ok(())
    }

    /// What the named one said last, for an error about it.
    pub(super) fn log_of(&self, name: &str) -> String {
        self.0.iter().find(|child| child.name == name).map(|child| shown(&child.log)).unwrap_or_default()
    }

    pub(super) fn processes(&self) -> impl Iterator<Item = (&str, &Process)> {
        self.0.iter().map(|child| (child.name.as_str(), &child.process))
    }

    /// Lets them run on after this program.
    pub(super) fn leave(&mut self) {
        self.0.clear();
    }

    /// Ends them, the last one started first and alone: with Envoy gone nothing is in flight at a worker.
    pub(super) fn end(&mut self) {
        if let Some(last) = self.0.pop() {
            last.end();
        }
        for child in &self.0 {
            child.process.ask_to_end();
        }
        for child in self.0.drain(..) {
            child.end();
        }
    }
}

impl Child {
    fn end(mut self) {
        self.process.end(PATIENCE);
        // It has ended; this only tells the system that nobody will ask how.
        drop(self.spawned.wait());
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.end();
    }
}

fn shown(log: &std::path::Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = tail(&String::from_utf8_lossy(&text), LOG_LINES);
    if text.is_empty() {
        return format!("; {} is empty", log.display());
    }
    format!("; the end of {}:\n{text}", log.display())
}

#[cfg(test)]
mod tests {
    use super::Children;
    use std::process::Command;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn one_that_ends_is_reported_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("worker.log");
        let mut children = Children::default();
        children.start("worker 8001", &mut sh("sleep 0.1; echo no model >&2; exit 3"), log.clone()).unwrap();
        let error = loop {
            match children.all_run() {
                Ok(()) => std::thread::sleep(std::time::Duration::from_millis(10)),
                Err(error) => break error.to_string(),
            }
        };
        let expected = format!("worker 8001 ended: exit status: 3; the end of {}:\nno model", log.display());
        assert_eq!(error, expected);
    }

    #[test]
    fn they_end_with_their_owner_unless_they_are_left() {
        let folder = tempfile::tempdir().unwrap();
        let start = |leave: bool| {
            let mut children = Children::default();
            for name in ["a", "b"] {
                children.start(name, &mut sh("exec sleep 100"), folder.path().join(name)).unwrap();
            }
            let processes: Vec<_> = children.processes().map(|(_, process)| process.clone()).collect();
            if leave {
                children.leave();
            }
            drop(children);
            processes
        };
        assert!(start(false).iter().all(|process| !process.is_alive()));
        for left in start(true) {
            assert!(left.is_alive());
            left.end(std::time::Duration::from_secs(1));
        }
    }
}
