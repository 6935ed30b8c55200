//! Records that filters share: a version, then `postcard`.
//!
//! Filters of two releases can meet in one Envoy while an operator replaces them. A version that is not ours is an
//! error and not a guess: the reader then stands aside.

use serde::{Serialize, de::DeserializeOwned};

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by another release.
    #[error("a record of version {found}, expected {expected}")]
    Version {
        /// The version byte that came.
        found: u8,
        /// The one that this release writes.
        expected: u8,
    },
    /// Cut short, or no record at all.
    #[error("the record is damaged")]
    Damaged,
}

/// A record as bytes.
///
/// # Errors
///
/// [`RecordError::Damaged`] if it cannot be written, which only a lack of memory brings about.
pub fn encode<T: Serialize>(version: u8, record: &T) -> Result<Vec<u8>, RecordError> {
    postcard::to_extend(record, vec![version]).map_err(|_| RecordError::Damaged)
}

/// The record that `bytes` hold. No bytes are the default: that is how a key is created.
///
/// # Errors
///
/// [`RecordError`] when another release wrote the bytes, or nobody did.
pub fn decode<T: DeserializeOwned + Default>(version: u8, bytes: &[u8]) -> Result<T, RecordError> {
    match bytes.split_first() {
        None => Ok(T::default()),
        Some((&found, record)) if found == version => {
            postcard::from_bytes(record).map_err(|_| RecordError::Damaged)
        }
        Some((&found, _)) => Err(RecordError::Version { found, expected: version }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let bytes = encode(3, &vec![1u32, 2]).unwrap();
        assert_eq!(decode(3, &bytes), Ok(vec![1u32, 2]));
        assert_eq!(decode::<Vec<u32>>(3, &[]), Ok(Vec::new()));
        assert_eq!(decode::<Vec<u32>>(4, &bytes), Err(RecordError::Version { found: 3, expected: 4 }));
        assert_eq!(decode::<Vec<u32>>(3, &bytes[..2]), Err(RecordError::Damaged));
    }
}
