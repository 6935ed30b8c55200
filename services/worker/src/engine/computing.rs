//! The thread on which an engine computes.

use anyhow::{Context, Error, Result, anyhow};
use std::thread;
use tokio::sync::oneshot;

/// Why computing ended for good, once it has.
#[derive(Debug)]
pub struct Failure {
    reason: oneshot::Receiver<Error>,
    computing: &'static str,
}

impl Failure {
    /// Waits for it.
    pub async fn reason(self) -> Error {
        self.reason.await.unwrap_or_else(|_| anyhow!("the {} thread broke down", self.computing))
    }
}

/// Computes on a thread of that name. `computing` and `model` are words for errors.
pub(super) fn start(
    thread: &str,
    (computing, model): (&'static str, &str),
    run: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<Failure> {
    let (failed, reason) = oneshot::channel();
    let run = move || {
        if let Err(error) = run() {
            // Where nobody waits for the reason any more, the program is ending anyway.
            let _ = failed.send(error);
        }
    };
    let started = thread::Builder::new().name(thread.to_owned()).spawn(run);
    started.with_context(|| format!("no thread for the {model}"))?;
    Ok(Failure { reason, computing })
}

#[cfg(test)]
mod tests {
    use super::start;
    use anyhow::bail;

    #[tokio::test]
    async fn the_reason_is_told_and_so_is_its_lack() {
        let words = ("computing", "model");
        let told = start("test", words, || bail!("no numbers")).unwrap();
        assert_eq!(told.reason().await.to_string(), "no numbers");
        let silent = start("test", words, || Ok(())).unwrap();
        assert_eq!(silent.reason().await.to_string(), "the computing thread broke down");
    }
}
