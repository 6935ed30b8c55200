//! What lies in an object store.

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore as _, ObjectStoreExt};
use spillway_fixtures::ObjectStore;
use tokio::runtime::Runtime;

/// The objects of one test.
pub(crate) struct Objects<'a> {
    store: &'a ObjectStore,
    client: AmazonS3,
    runtime: Runtime,
}

impl<'a> Objects<'a> {
    pub(crate) fn of(store: &'a ObjectStore) -> Self {
        let text = std::fs::read_to_string(store.credentials()).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches([' ', '=']).to_owned()
        };
        let client = AmazonS3Builder::new()
            .with_bucket_name(ObjectStore::BUCKET)
            .with_region("us-east-1")
            .with_endpoint(format!("http://{}", store.address()))
            .with_access_key_id(value("aws_access_key_id"))
            .with_secret_access_key(value("aws_secret_access_key"))
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { store, client, runtime }
    }

    /// Their names, of that kind: `entries` or `marks`.
    pub(crate) fn names(&self, kind: &str) -> Vec<Path> {
        let below = Path::from(format!("{}/{kind}", self.store.prefix()));
        let names = self.client.list(Some(&below)).map_ok(|object| object.location);
        self.runtime.block_on(names.try_collect()).unwrap()
    }

    pub(crate) fn read(&self, object: &Path) -> Vec<u8> {
        let read = async { self.client.get(object).await.unwrap().bytes().await.unwrap().to_vec() };
        self.runtime.block_on(read)
    }

    pub(crate) fn write(&self, object: &Path, bytes: Vec<u8>) {
        self.runtime.block_on(async { self.client.put(object, bytes.into()).await.unwrap() });
    }
}
