//! What a model's name stands for.

use crate::Digest;
use crate::name::ModelName;
use serde::{Deserialize, Serialize};
use std::ops::{Range, RangeInclusive};

/// The form that this program writes and reads.
pub const VERSION: u32 = 1;

/// How large a chunk may be, in bytes.
pub const CHUNK_BYTES: RangeInclusive<u32> = 1 << 16..=1 << 26;

/// The longest manifest, in bytes: one of 200,000 chunks.
pub const MAX_BYTES: u64 = 16 << 20;

/// A file, whole and in chunks. Chunks have digests of their own, so that they can be fetched and verified side by side,
/// in any order, and one that is damaged is fetched alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The model's name.
    pub name: ModelName,
    /// How long the file is, in bytes.
    pub bytes: u64,
    /// The digest of the whole file.
    pub sha256: Digest,
    /// How long a chunk is, in bytes; the last one may be shorter.
    pub chunk_bytes: u32,
    /// The digest of each chunk, in order.
    pub chunks: Vec<Digest>,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// It is no JSON of that form.
    #[error("the manifest of {name} cannot be read: {error}")]
    Form {
        /// The model.
        name: ModelName,
        /// Why.
        error: serde_json::Error,
    },
    /// A field makes no sense.
    #[error("the manifest of {name}: {field}: expected {expected}, got {got}")]
    Field {
        /// The model.
        name: ModelName,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
}

impl Manifest {
    /// Reads what the store, or the disk, has for a name.
    ///
    /// # Errors
    /// When it is none, or is another model's.
    pub fn read(name: &ModelName, bytes: &[u8]) -> Result<Self, BadManifest> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| BadManifest::Form { name: name.clone(), error })?;
        manifest.check(name)?;
        Ok(manifest)
    }

    /// Whether its fields fit each other.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self, name: &ModelName) -> Result<(), BadManifest> {
        let wrong = |field, expected: String, got: String| {
            Err(BadManifest::Field { name: name.clone(), field, expected, got })
        };
        if self.version != VERSION {
            return wrong("version", VERSION.to_string(), self.version.to_string());
        }
        if self.name != *name {
            return wrong("name", name.to_string(), self.name.to_string());
        }
        if !CHUNK_BYTES.contains(&self.chunk_bytes) {
            let (least, most) = CHUNK_BYTES.into_inner();
            return wrong("chunk_bytes", format!("{least} to {most}"), self.chunk_bytes.to_string());
        }
        if self.bytes == 0 {
            return wrong("bytes", "at least 1".to_owned(), "0".to_owned());
        }
        let chunks = self.bytes.div_ceil(u64::from(self.chunk_bytes));
        if self.chunks.len() as u64 != chunks {
            return wrong("chunks", format!("{chunks} digests"), self.chunks.len().to_string());
        }
        Ok(())
    }

    /// Which bytes of the file a chunk is.
    #[must_use]
    pub fn range(&self, chunk: usize) -> Range<u64> {
        let chunk_bytes = u64::from(self.chunk_bytes);
        let start = (chunk as u64).saturating_mul(chunk_bytes).min(self.bytes);
        start..start.saturating_add(chunk_bytes).min(self.bytes)
    }

    /// The chunks, each with its digest and its bytes of the file.
    pub fn ranges(&self) -> impl Iterator<Item = (usize, Digest, Range<u64>)> + '_ {
        self.chunks.iter().enumerate().map(|(chunk, digest)| (chunk, *digest, self.range(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest(bytes: u64, chunk_bytes: u32) -> Manifest {
        let chunks = usize::try_from(bytes.div_ceil(u64::from(chunk_bytes))).unwrap();
        let name = "m".parse().unwrap();
        let digest = Digest::of(b"");
        Manifest { version: VERSION, name, bytes, sha256: digest, chunk_bytes, chunks: vec![digest; chunks] }
    }

    proptest! {
        #[test]
        fn chunks_are_the_file(bytes in 1_u64..10_000_000, chunk_bytes in CHUNK_BYTES) {
            let manifest = manifest(bytes, chunk_bytes);
            let name = manifest.name.clone();
            let json = serde_json::to_vec(&manifest).unwrap();
            prop_assert_eq!(&Manifest::read(&name, &json).unwrap(), &manifest);
            let mut end = 0;
            for (_, _, range) in manifest.ranges() {
                prop_assert_eq!(range.start, end);
                prop_assert!(range.start < range.end);
                end = range.end;
            }
            prop_assert_eq!(end, bytes);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let name: ModelName = "m".parse().unwrap();
        let check = |change: fn(&mut Manifest), expected: &str| {
            let mut wrong = manifest(200_000, 65_536);
            change(&mut wrong);
            let json = serde_json::to_vec(&wrong).unwrap();
            assert_eq!(Manifest::read(&name, &json).unwrap_err().to_string(), expected);
        };
        check(|m| m.version = 2, "the manifest of m: version: expected 1, got 2");
        check(|m| m.name = "other".parse().unwrap(), "the manifest of m: name: expected m, got other");
        check(|m| m.bytes = 0, "the manifest of m: bytes: expected at least 1, got 0");
        check(|m| m.bytes = 300_000, "the manifest of m: chunks: expected 5 digests, got 4");
        check(|m| m.chunks.clear(), "the manifest of m: chunks: expected 4 digests, got 0");
        check(|m| m.chunk_bytes = 0, "the manifest of m: chunk_bytes: expected 65536 to 67108864, got 0");
        for text in ["", "{}", "[]", "{\"version\":1}"] {
            let error = Manifest::read(&name, text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("the manifest of m cannot be read: "), "{error}");
        }
        let tricks = serde_json::to_string(&manifest(1, 65_536)).unwrap().replace("\"m\"", "\"../m\"");
        let error = Manifest::read(&name, tricks.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("is no name of a model"), "{error}");
    }
}
