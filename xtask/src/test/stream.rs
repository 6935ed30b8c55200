//! Running cargo test so that a person sees the output as it comes while it is counted.

use super::counts::Counts;
use crate::say;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What a test has left running holds the output open: its end is waited for no longer than this after cargo's.
const GRACE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs to the end; the error says only that something failed, the output has said what.
pub(super) fn run(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cargo does not start")?;
    let lines = lines(child.stdout.take().context("cargo has no output")?);
    let mut ended = None;
    loop {
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => {
                counts.read(&line);
                say::line(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if ended.is_none() => {
                ended = child.try_wait()?.map(|_| Instant::now());
            }
            Err(RecvTimeoutError::Timeout) => {
                if ended.is_some_and(|ended| ended.elapsed() > GRACE) {
                    say::line("a test has left a process that holds the output open");
                    break;
                }
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::{Counts, run};
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn output_is_counted_and_the_status_told() {
        let text = "printf 'test result: ok. 2 passed; 0 failed; 0 ignored\\n\\377\\n'; exit 101";
        let mut counts = Counts::default();
        let error = run(Command::new("sh").args(["-c", text]), &mut counts).unwrap_err();
        assert_eq!(error.to_string(), "exit status: 101");
        assert_eq!(counts.passed, 2);
    }

    #[test]
    fn a_process_that_is_left_over_does_not_hold_the_run() {
        let started = Instant::now();
        run(Command::new("sh").args(["-c", "sleep 6 & echo done"]), &mut Counts::default()).unwrap();
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
