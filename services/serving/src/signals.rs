//! Being told to stop, by SIGTERM or SIGINT: the first time gently, the second time at once.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The `nth` time that the program is told to stop.
#[derive(Debug)]
pub struct Stop {
    nth: u32,
    times: watch::Receiver<u32>,
}

/// The first time and the second time. Called from within a runtime.
///
/// # Errors
/// When signals cannot be received.
pub fn listen() -> io::Result<(Stop, Stop)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, times) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            sender.send_modify(|times| *times += 1);
        }
    });
    Ok((Stop { nth: 1, times: times.clone() }, Stop { nth: 2, times }))
}

impl Stop {
    /// Waits until it is so.
    pub async fn come(&mut self) {
        if self.times.wait_for(|times| *times >= self.nth).await.is_err() {
            // Nobody listens for signals any more; nothing will come.
            std::future::pending::<()>().await;
        }
    }
}
