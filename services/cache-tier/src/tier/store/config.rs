//! Where the store is.

use anyhow::Context;
use object_store::aws::AmazonS3;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use spillway_backing::store::Bucket;
use std::time::Duration;

/// Where the store is, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Where, and who asks.
    pub bucket: Bucket,
    /// What names of objects begin with.
    pub prefix: String,
    /// How long one lookup may take; writing may take longer.
    pub timeout: Duration,
    /// Larger objects are not ours.
    pub max_object_bytes: u64,
}

/// Longer than any lookup: what nobody waits for any more ends with it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

impl StoreConfig {
    pub(super) fn client(&self) -> anyhow::Result<AmazonS3> {
        let timeout = self.timeout.max(REQUEST_TIMEOUT);
        let options = ClientOptions::new().with_timeout(timeout).with_connect_timeout(CONNECT_TIMEOUT);
        // Once more, because a connection that was idle may just have been closed. What fails twice is the circuit's.
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(20), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: 1, retry_timeout: timeout };
        self.bucket.client(options, retry).context("--store-bucket cannot be used")
    }
}
