//! The table as bytes: a version, then `postcard`.
//!
//! Filters of two releases can meet in one Envoy while an operator replaces them. A version that is not ours is an
//! error and not a guess: the reader then stands aside.

use super::Table;

const VERSION: u8 = 1;

/// Why bytes are not a table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by another release.
    #[error("endpoint table of version {found}, expected {VERSION}")]
    Version {
        /// The version byte that came.
        found: u8,
    },
    /// Cut short, or not a table at all.
    #[error("endpoint table is damaged")]
    Damaged,
}

impl Table {
    /// The table as bytes.
    ///
    /// # Errors
    ///
    /// [`CodecError::Damaged`] if it cannot be written, which only a lack of memory brings about.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        postcard::to_extend(self, vec![VERSION]).map_err(|_| CodecError::Damaged)
    }

    /// The table that `bytes` hold. No bytes are the table of no pool: that is how its key is created.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when another release wrote the bytes, or nobody did.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&VERSION, table)) => postcard::from_bytes(table).map_err(|_| CodecError::Damaged),
            Some((&found, _)) => Err(CodecError::Version { found }),
        }
    }
}
