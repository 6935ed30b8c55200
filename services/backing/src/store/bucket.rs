//! Where a bucket is.

use super::Credentials;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ClientOptions, RetryConfig};
use std::time::Duration;

/// A bucket, which must be there, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The address of its store, as a URL; `None`: that of Amazon's S3 in the region.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// Who asks; `None`: as the environment says.
    pub credentials: Option<Credentials>,
}

/// Shorter than gateways keep idle connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

impl Bucket {
    /// A client, which has not asked anything yet.
    ///
    /// # Errors
    /// When the address or the name makes no sense.
    pub fn client(&self, options: ClientOptions, retry: RetryConfig) -> object_store::Result<AmazonS3> {
        let is_plain = self.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
        let options = options.with_pool_idle_timeout(IDLE_TIMEOUT).with_allow_http(is_plain);
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_client_options(options)
            .with_retry(retry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = &self.credentials {
            builder = credentials.apply(builder);
        }
        builder.build()
    }
}
