//! The store: a folder, or a bucket of one that speaks S3.
//!
//! | object | what |
//! |---|---|
//! | `<prefix>/models/<name>.json` | a [`Manifest`] |
//! | `<prefix>/blobs/<sha256>` | a file |
//!
//! Files are never changed, so a name can be given another file at any time, and who reads the old one reads on.

use super::StoreConfig;
use crate::digest::{Digest, Hasher};
use crate::manifest::{BadManifest, MAX_BYTES, Manifest};
use crate::name::ModelName;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use spillway_backing::Fault;
use spillway_backing::store::fault;
use std::ops::Range;
use std::sync::Arc;

/// A store of models.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    models: Path,
    blobs: Path,
}

/// Why the store did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It has no such model.
    #[error("the store has no model {0}")]
    NoModel(ModelName),
    /// It has no such file.
    #[error("the store has no file {0}")]
    NoBlob(Digest),
    /// It failed.
    #[error("the store: {0}")]
    Fault(Fault),
    /// What it has for a name is no manifest.
    #[error(transparent)]
    BadManifest(#[from] BadManifest),
    /// What came is not what should be there.
    #[error("the store: {what}: expected {expected}, got {got}")]
    Damaged {
        /// What was asked for.
        what: String,
        /// Its digest, or its length.
        expected: String,
        /// What came.
        got: String,
    },
}

/// The parts in which a file is sent.
const PART_BYTES: usize = 8 << 20;

/// How many of them are on their way at the same time.
const PARTS: usize = 4;

impl Store {
    /// A store that nobody has looked for yet.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn new(config: &StoreConfig) -> anyhow::Result<Self> {
        let (objects, prefix) = config.open()?;
        Ok(Self { objects, models: prefix.clone().join("models"), blobs: prefix.join("blobs") })
    }

    /// What a name stands for.
    ///
    /// # Errors
    /// When it cannot be said.
    pub async fn manifest(&self, name: &ModelName) -> Result<Manifest, StoreError> {
        let none = || StoreError::NoModel(name.clone());
        let found = self.objects.get(&self.model(name)).await.map_err(|error| said(&error, none))?;
        if found.meta.size > MAX_BYTES {
            let (expected, got) = (format!("at most {MAX_BYTES} bytes"), found.meta.size.to_string());
            return Err(StoreError::Damaged { what: format!("the manifest of {name}"), expected, got });
        }
        let bytes = found.bytes().await.map_err(|error| said(&error, none))?;
        Ok(Manifest::read(name, &bytes)?)
    }

    /// Some bytes of a file, compared with their digest as they come.
    ///
    /// # Errors
    /// When they do not come, or are others.
    pub async fn chunk(
        &self,
        blob: Digest,
        range: Range<u64>,
        expected: Digest,
    ) -> Result<Bytes, StoreError> {
        let none = || StoreError::NoBlob(blob);
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let found = self.objects.get_opts(&self.blob(blob), options).await;
        let mut pieces = found.map_err(|error| said(&error, none))?.into_stream();
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let (mut bytes, mut hasher) = (BytesMut::with_capacity(length), Hasher::default());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| said(&error, none))?;
            hasher.update(&piece);
            bytes.extend_from_slice(&piece);
            if bytes.len() > length {
                break;
            }
        }
        let what = || format!("bytes {} to {} of {blob}", range.start, range.end);
        if bytes.len() != length {
            let (expected, got) = (format!("{length} bytes"), format!("{} bytes", bytes.len()));
            return Err(StoreError::Damaged { what: what(), expected, got });
        }
        let got = hasher.finish();
        if got != expected {
            let (expected, got) = (expected.to_string(), got.to_string());
            return Err(StoreError::Damaged { what: what(), expected, got });
        }
        Ok(bytes.freeze())
    }

    /// Whether it has a whole file of that digest and length.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn has(&self, blob: Digest, bytes: u64) -> Result<bool, StoreError> {
        match self.objects.head(&self.blob(blob)).await {
            Ok(meta) => Ok(meta.size == bytes),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(StoreError::Fault(fault(&error))),
        }
    }

    /// Begins to write a file. It appears when it is finished.
    ///
    /// # Errors
    /// When it takes none.
    pub async fn write(&self, blob: Digest) -> Result<Upload, StoreError> {
        let upload = self.objects.put_multipart(&self.blob(blob)).await;
        let upload = upload.map_err(|error| StoreError::Fault(fault(&error)))?;
        Ok(Upload(WriteMultipart::new_with_chunk_size(upload, PART_BYTES)))
    }

    /// Has a name stand for a file.
    ///
    /// # Errors
    /// When it does not take that.
    pub async fn name(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let json = serde_json::to_vec(manifest).map_err(|_| StoreError::Fault(Fault::Failed))?;
        let put = self.objects.put(&self.model(&manifest.name), PutPayload::from(json)).await;
        put.map(drop).map_err(|error| StoreError::Fault(fault(&error)))
    }

    /// The names it has, in order.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn names(&self) -> Result<Vec<ModelName>, StoreError> {
        let mut objects = self.objects.list(Some(&self.models));
        let mut names = Vec::new();
        while let Some(object) = objects.next().await {
            let object = object.map_err(|error| StoreError::Fault(fault(&error)))?;
            let name = object.location.filename().and_then(|name| name.strip_suffix(".json"));
            names.extend(name.and_then(|name| name.parse().ok()));
        }
        names.sort_unstable_by(|a: &ModelName, b| a.as_str().cmp(b.as_str()));
        Ok(names)
    }

    fn model(&self, name: &ModelName) -> Path {
        self.models.clone().join(format!("{name}.json"))
    }

    fn blob(&self, digest: Digest) -> Path {
        self.blobs.clone().join(digest.to_string())
    }
}

fn said(error: &Error, none: impl FnOnce() -> StoreError) -> StoreError {
    match error {
        Error::NotFound { .. } => none(),
        error => StoreError::Fault(fault(error)),
    }
}

/// A file on its way into the store.
#[derive(Debug)]
pub struct Upload(WriteMultipart);

impl Upload {
    /// More of it.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.wait_for_capacity(PARTS).await.map_err(|error| StoreError::Fault(fault(&error)))?;
        self.0.write(bytes);
        Ok(())
    }

    /// That was all.
    ///
    /// # Errors
    /// When it is not kept.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.0.finish().await.map(drop).map_err(|error| StoreError::Fault(fault(&error)))
    }

    /// It was not meant: nothing is left of it.
    pub async fn give_up(self) {
        // What a store keeps of it then is for the store's own rules to remove.
        let _ = self.0.abort().await;
    }
}
