//! One process, told apart from a later one with the same id by the moment of its start.

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Id and start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pid: u32,
    /// As the system tells it; only compared.
    started: String,
}

impl Process {
    /// The process that has this id now. One that ended and that nobody has waited for yet is none.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let started = if cfg!(target_os = "linux") {
            started_by_proc(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?
        } else {
            let mut ps = Command::new("ps");
            crate::command::capture(ps.args(["-o", "lstart=", "-p"]).arg(pid.to_string())).ok()?
        };
        Some(Self { pid, started })
    }

    pub(super) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Asks it to end, waits, and ends it if it does not.
    pub(super) fn end(&self, patience: Duration) {
        self.ask_to_end();
        if !self.is_gone_within(patience) {
            self.signal(Signal::KILL);
            self.is_gone_within(Duration::from_secs(2));
        }
    }

    pub(super) fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    pub(super) fn is_gone_within(&self, patience: Duration) -> bool {
        let asked = Instant::now();
        while self.is_alive() {
            if asked.elapsed() > patience {
                return false;
            }
            sleep(Duration::from_millis(20));
        }
        true
    }

    /// To this process only: a stranger that has its id by now gets nothing.
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive()) {
            // An error says that it ended between the look and the call, which is what was wanted.
            let _ended = kill_process(pid, signal);
        }
    }
}

/// Field 22 of `/proc/<pid>/stat`; the name in the second may hold spaces and parentheses.
fn started_by_proc(stat: &str) -> Option<String> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::{Process, started_by_proc};
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn the_start_is_read_past_an_odd_name() {
        let fields: Vec<String> = (4..=30).map(|field| field.to_string()).collect();
        let stat = |state| format!("42 (a) (b c)) {state} {}", fields.join(" "));
        assert_eq!(started_by_proc(&stat("S")), Some("22".to_owned()));
        assert_eq!(started_by_proc(&stat("Z")), None);
        assert_eq!(started_by_proc(""), None);
    }

    #[test]
    fn a_process_is_ended_and_one_that_will_not_is_killed() {
        for script in ["exec sleep 100", "trap '' TERM; while :; do sleep 0.1; done"] {
            let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(100));
            let process = Process::of(child.id()).unwrap();
            assert!(process.is_alive());
            process.end(Duration::from_millis(300));
            assert!(!process.is_alive(), "{script}");
            child.wait().unwrap();
        }
    }

    #[test]
    fn a_stranger_with_the_same_id_is_left_alone() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let stranger = Process { pid: child.id(), started: "another time".to_owned() };
        assert!(!stranger.is_alive());
        stranger.end(Duration::from_millis(50));
        assert!(child.try_wait().unwrap().is_none(), "the stranger was ended");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
