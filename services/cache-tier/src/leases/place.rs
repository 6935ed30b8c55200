//! A place in line.

use super::{Leases, Told};
use crate::stored::Key;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::oneshot::Receiver;
use tokio::time::{Instant, sleep_until};

/// A place in line for a lease. Whoever leaves, or is gone, loses it, and a lease that had just come is passed on.
#[derive(Debug)]
pub struct Place {
    leases: Arc<Leases>,
    key: Key,
    receiver: Receiver<Told>,
}

impl Place {
    pub(super) fn new(leases: Arc<Leases>, key: Key, receiver: Receiver<Told>) -> Self {
        Self { leases, key, receiver }
    }

    /// Waits for the entry or for the lease. `None`: neither came in time.
    pub async fn wait(mut self, until: Instant) -> Option<Told> {
        loop {
            let expires = self.leases.expires(&self.key);
            let expired = async {
                match expires {
                    Some(expires) => sleep_until(expires).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                told = &mut self.receiver => return told.ok(),
                () = sleep_until(until) => return None,
                // Whoever in line wakes first passes it on; the others see that it has a new end.
                () = expired => self.leases.expire(&self.key),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Told::Granted(token)) = self.receiver.try_recv() {
            self.leases.give_back(&self.key, token);
        }
        self.leases.leaves(&self.key);
    }
}
