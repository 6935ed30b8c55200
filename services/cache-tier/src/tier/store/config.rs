//! Where the store is.

use super::Credentials;
use anyhow::Context;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use std::time::Duration;

/// Where the store is, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The bucket, which must be there.
    pub bucket: String,
    /// The address, as a URL; `None`: that of Amazon's S3 in the region.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// What names of objects begin with.
    pub prefix: String,
    /// Who asks; `None`: as the environment says.
    pub credentials: Option<Credentials>,
    /// How long one lookup may take; writing may take longer.
    pub timeout: Duration,
    /// Larger objects are not ours.
    pub max_object_bytes: u64,
}

/// Longer than any lookup: what nobody waits for any more ends with it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Shorter than gateways keep idle connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

impl StoreConfig {
    pub(super) fn client(&self) -> anyhow::Result<AmazonS3> {
        let timeout = self.timeout.max(REQUEST_TIMEOUT);
        let options = ClientOptions::new()
            .with_timeout(timeout)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_pool_idle_timeout(IDLE_TIMEOUT)
            .with_allow_http(self.endpoint.as_ref().is_some_and(|url| url.starts_with("http://")));
        // Once more, because a connection that was idle may just have been closed. What fails twice is the circuit's.
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(20), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: 1, retry_timeout: timeout };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_client_options(options)
            .with_retry(retry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = &self.credentials {
            builder = credentials.apply(builder);
        }
        builder.build().context("--store-bucket cannot be used")
    }
}
