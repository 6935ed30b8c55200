//! Resetting a connection from inside of a request, which HTTP has no word for.

use std::sync::Arc;
use tokio::sync::Notify;

/// Given to each request by the server that holds its connection.
#[derive(Debug, Clone, Default)]
pub struct ResetHandle(Arc<Notify>);

impl ResetHandle {
    /// Asks for the connection to be reset.
    pub fn request(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asks.
    pub async fn requested(&self) {
        self.0.notified().await;
    }

    /// Asks, and waits to be dropped with the connection.
    pub async fn now<T>(&self) -> T {
        self.request();
        std::future::pending().await
    }
}
