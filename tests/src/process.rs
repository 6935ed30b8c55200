//! A program that was started for a test, its two logs, and its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};
use std::{io, thread};

use rustix::process::{Pid, Signal, kill_process};

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
    log: PathBuf,
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts programs. Envoy asks to be killed when the thread that started it ends, so that is one that never does.
static STARTER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
    let (orders, taken) = mpsc::channel::<Order>();
    thread::Builder::new()
        .name("starter".into())
        .spawn(move || {
            for (mut command, answer) in taken {
                answer.send(command.spawn()).ok();
            }
        })
        .unwrap();
    Mutex::new(orders)
});

impl Process {
    /// Starts `command`; what it writes is added to `<name>.out` and `<name>.log` in `folder`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let [output, log] = ["out", "log"].map(|kind| folder.join(format!("{name}.{kind}")));
        let append = |file: &Path| File::options().create(true).append(true).open(file).unwrap();
        command.stdin(Stdio::null()).stdout(append(&output)).stderr(append(&log));
        let program = command.get_program().to_owned();
        let (answer, started) = mpsc::channel();
        STARTER.lock().unwrap().send((command, answer)).unwrap();
        let child = started.recv().unwrap().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { name: name.to_owned(), child, output, log }
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Asks it to end.
    pub fn terminate(&mut self) {
        if self.ended().is_none() {
            kill_process(Pid::from_child(&self.child), Signal::TERM).ok();
        }
    }

    /// What it wrote to its standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        read(&self.output)
    }

    /// What it wrote to its standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Shows the end of its logs.
    pub fn show(&self) {
        for (kind, text, lines) in [("output", self.output(), 15), ("log", self.log(), 60)] {
            let all: Vec<_> = text.lines().collect();
            let last = &all[all.len().saturating_sub(lines)..];
            if !last.is_empty() {
                eprintln!("---- {} of {}, last {} lines of {}", kind, self.name, last.len(), all.len());
                last.iter().for_each(|line| eprintln!("{line}"));
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() || std::env::var_os("SPILLWAY_SHOW_LOGS").is_some() {
            self.show();
        }
    }
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}
