//! Where the store is.

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use spillway_backing::store::Bucket;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A folder, or a bucket of a store that speaks S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine, or one that is mounted.
    Folder(PathBuf),
    /// A bucket, and what names of objects in it begin with.
    Bucket {
        /// The bucket, which must be there.
        bucket: String,
        /// Without slashes at its ends; may be empty.
        prefix: String,
    },
}

/// Where the store is, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreConfig {
    /// A folder of this machine, or one that is mounted.
    Folder(PathBuf),
    /// A bucket.
    Bucket {
        /// Where it is.
        bucket: Bucket,
        /// What names of objects begin with.
        prefix: String,
        /// How long the store may send nothing before it is asked again.
        stall_timeout: Duration,
    },
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected s3://BUCKET, s3://BUCKET/PREFIX, or a folder";
        match text.split_once("://") {
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() || bucket.contains(['@', ':', '?']) {
                    return Err(expected.to_owned());
                }
                Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
            }
            Some(_) => Err(expected.to_owned()),
            None if text.is_empty() => Err(expected.to_owned()),
            None => Ok(Self::Folder(text.into())),
        }
    }
}

impl StoreConfig {
    /// What reads and writes there, and what all names begin with.
    pub(super) fn open(&self) -> anyhow::Result<(Arc<dyn ObjectStore>, Path)> {
        match self {
            Self::Folder(folder) => {
                let folder = std::path::absolute(folder)?;
                anyhow::ensure!(folder.is_dir(), "the store {} is no folder", folder.display());
                Ok((Arc::new(LocalFileSystem::new_with_prefix(folder)?), Path::default()))
            }
            Self::Bucket { bucket, prefix, stall_timeout } => {
                let options = ClientOptions::new()
                    .with_timeout_disabled()
                    .with_read_timeout(*stall_timeout)
                    .with_connect_timeout(CONNECT_TIMEOUT);
                // Who asks for a chunk asks again by itself, and says so.
                let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
                Ok((Arc::new(bucket.client(options, retry)?), Path::from(prefix.as_str())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_folder_or_a_bucket() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok(Location::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!("s3://models".parse(), bucket("models", ""));
        assert_eq!("s3://models/a/b/".parse(), bucket("models", "a/b"));
        assert_eq!("/srv/models".parse(), Ok(Location::Folder("/srv/models".into())));
        assert_eq!("models".parse(), Ok(Location::Folder("models".into())));
        for text in ["", "s3://", "s3:///a", "http://models", "s3://key:secret@models"] {
            let error = text.parse::<Location>().unwrap_err();
            assert_eq!(error, "expected s3://BUCKET, s3://BUCKET/PREFIX, or a folder", "{text}");
        }
    }
}
