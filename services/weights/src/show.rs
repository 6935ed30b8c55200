//! What a person sees while it works: a bar on a terminal, lines elsewhere.

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use spillway_weights::progress::Step;
use spillway_weights::{ModelName, Progress};
use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const BAR_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far something is until it ends.
pub(crate) struct Shown {
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Shown {
    pub(crate) fn start(name: &ModelName, progress: &Arc<Progress>) -> Self {
        let bar = stderr().is_terminal().then(bar);
        let (name, progress, shown) = (name.to_string(), Arc::clone(progress), bar.clone());
        let task = tokio::spawn(async move {
            loop {
                sleep(if shown.is_some() { BAR_EVERY } else { LINE_EVERY }).await;
                let stand = progress.stand();
                if let Some(bar) = &shown {
                    bar.set_length(stand.total);
                    bar.set_position(stand.done);
                    bar.set_message(format!("{name} {}", stand.step.as_str()));
                } else if stand.step != Step::Done {
                    let (step, done) = (stand.step.as_str(), HumanBytes(stand.done));
                    tracing::info!(
                        "{name} {step}: {done} of {}, {} %",
                        HumanBytes(stand.total),
                        stand.percent()
                    );
                }
            }
        });
        Self { task, bar }
    }

    pub(crate) fn end(self) {
        self.task.abort();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let form = "{msg} {wide_bar} {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(form);
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A line on standard output; a reader that goes away ends the text, not the program.
pub(crate) fn line(text: impl Display) {
    let mut out = stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}
