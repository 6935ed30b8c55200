//! Removing what has outlived its time. A store keeps what it was given until somebody removes it.
//!
//! Several cache tiers sweep the same store; whoever comes second finds nothing to do. A rule of the store's own
//! (S3's lifecycle) does as well, in whole days.

use crate::clock::now_ms;
use futures_util::{StreamExt, TryStreamExt, future};
use object_store::ObjectStore;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use spillway_backing::Fault;
use spillway_backing::store::fault;
use std::time::Duration;

/// Removes entries that were written longer ago than `ttl`. Returns how many went.
pub(super) async fn sweep(client: &AmazonS3, entries: &Path, ttl: Duration) -> Result<u64, Fault> {
    let now_s = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
    let oldest_s = now_s.saturating_sub(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
    let old = client.list(Some(entries)).try_filter_map(move |object| {
        let is_old = object.last_modified.timestamp() < oldest_s;
        future::ready(Ok(is_old.then_some(object.location)))
    });
    let removed = client.delete_stream(old.boxed());
    removed.try_fold(0, |count, _| future::ready(Ok(count + 1))).await.map_err(|error| fault(&error))
}
