//! Waiting: for something to become ready, and for the word to stop. Children are watched all the while.

use super::children::Children;
use super::ready;
use super::signals::Stop;
use crate::say;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a wait ended when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Outcome {
    Ready,
    Stopped,
}

/// What is waited for.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    /// The child's name.
    pub(super) name: &'a str,
    pub(super) address: SocketAddr,
    /// Answered with 200 when it is ready.
    pub(super) path: &'a str,
    pub(super) limit: Duration,
}

impl Wait<'_> {
    /// Until it is ready, someone asks to stop, a child ends or the time is up.
    pub(super) fn run(&self, children: &mut Children, stop: &Stop) -> Result<Outcome> {
        let started = Instant::now();
        let bar = spinner(format!("waiting for {}", self.name));
        loop {
            if stop.is_asked_for() {
                return Ok(Outcome::Stopped);
            }
            let answer = ready::get(self.address, self.path);
            if answer == Some(200) {
                bar.finish_and_clear();
                say::step(
                    "up",
                    self.name,
                    format_args!("ready after {:.1} s", started.elapsed().as_secs_f64()),
                );
                return Ok(Outcome::Ready);
            }
            children.all_run()?;
            if started.elapsed() > self.limit {
                let said = answer.map_or("nothing".to_owned(), |status| status.to_string());
                let (name, limit, log) = (self.name, self.limit.as_secs(), children.log_of(self.name));
                bail!(
                    "{name} is not ready after {limit} s: {}{} answers {said}{log}",
                    self.address,
                    self.path
                );
            }
            bar.tick();
            sleep(LOOK_EVERY);
        }
    }
}

/// Until someone asks to stop; a child that ends by itself is an error.
pub(super) fn watch(children: &mut Children, stop: &Stop) -> Result<()> {
    while !stop.is_asked_for() {
        children.all_run()?;
        sleep(LOOK_EVERY);
    }
    Ok(())
}

fn spinner(message: String) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // The template is a constant; should it be refused, the default spinner does.
    if let Ok(style) = ProgressStyle::with_template("         {spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.with_message(message)
}
