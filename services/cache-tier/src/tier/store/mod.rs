//! An object store that speaks S3: Ceph's gateway, S3 itself and others. Shared and persistent.
//!
//! | object | what |
//! |---|---|
//! | `<prefix>/entries/<2 hex>/<64 hex>` | an entry |
//! | `<prefix>/marks/<scope>-<time>` | a mark: its name is all there is to it |
//!
//! A mark has an object of its own, so that several cache tiers keep marks without a look at each other's, and a list
//! of names is all that has to be read. Nothing here forgets by itself: entries are removed by [`sweep`], marks when
//! others are kept.

mod config;
mod marks;
mod sweep;

pub use config::StoreConfig;

use super::backend::{Answer, Backend, Batching, Change};
use crate::purge::Mark;
use crate::stored::Key;
use bytes::Bytes;
use marks::MarkObjects;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutPayload};
use spillway_backing::Fault;
use spillway_backing::store::fault;
use spillway_contract::cache::key::to_hex;
use std::sync::Arc;
use std::time::Duration;

/// The object store tier.
#[derive(Debug)]
pub struct Store {
    client: Arc<AmazonS3>,
    entries: Path,
    max_object_bytes: u64,
    marks: MarkObjects,
}

/// Writers of this process; each waits for one answer at a time.
const LANES: usize = 8;

/// A large entry on a slow line.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// A store that nobody has looked for yet.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn new(config: &StoreConfig) -> anyhow::Result<Self> {
        let client = Arc::new(config.client()?);
        let prefix = Path::from(config.prefix.as_str());
        let marks = MarkObjects::new(Arc::clone(&client), prefix.clone().join("marks"));
        let entries = prefix.join("entries");
        Ok(Self { client, entries, max_object_bytes: config.max_object_bytes, marks })
    }

    fn path(&self, key: &Key) -> Path {
        let name = to_hex(key);
        let folder: String = name.chars().take(2).collect();
        self.entries.clone().join(folder).join(name)
    }

    async fn read(&self, key: &Key) -> Result<Option<Bytes>, Fault> {
        let found = match self.client.get(&self.path(key)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fault(&error)),
        };
        if found.meta.size > self.max_object_bytes {
            // Nothing that a cache tier wrote.
            return Ok(None);
        }
        let bytes = found.bytes().await.map_err(|error| fault(&error))?;
        // They may be a part of a buffer that is much larger, and are kept in memory.
        Ok(Some(Bytes::copy_from_slice(&bytes)))
    }

    async fn make(&self, change: Change) -> Result<(), Fault> {
        let made = match change {
            Change::Put { key, bytes, .. } => {
                self.client.put(&self.path(&key), PutPayload::from_bytes(bytes)).await.map(drop)
            }
            Change::Delete { key } => self.client.delete(&self.path(&key)).await,
        };
        match made {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault(&error)),
        }
    }
}

impl Backend for Store {
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Bytes>> {
        Box::pin(self.read(key))
    }

    fn change(&self, changes: Vec<Change>) -> Answer<'_, ()> {
        Box::pin(async move {
            for change in changes {
                self.make(change).await?;
            }
            Ok(())
        })
    }

    fn marks(&self) -> Answer<'_, Option<Vec<Mark>>> {
        Box::pin(async { self.marks.read().await.map(Some) })
    }

    fn keep_marks(&self, marks: Vec<Mark>, oldest_ms: u64) -> Answer<'_, ()> {
        Box::pin(self.marks.keep(marks, oldest_ms))
    }

    fn sweep(&self, ttl: Duration) -> Answer<'_, u64> {
        Box::pin(sweep::sweep(&self.client, &self.entries, ttl))
    }

    fn batching(&self) -> Batching {
        Batching { lanes: LANES, changes: 1, bytes: usize::MAX, timeout: WRITE_TIMEOUT }
    }
}
