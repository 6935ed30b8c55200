//! The table as bytes.

use spillway_contract::record::{self, RecordError};

use super::Table;

const VERSION: u8 = 2;

impl Table {
    /// The table as bytes.
    ///
    /// # Errors
    ///
    /// [`RecordError::Damaged`] if it cannot be written, which only a lack of memory brings about.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        record::encode(VERSION, self)
    }

    /// The table that `bytes` hold. No bytes are the table of no pool: that is how its key is created.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when another release wrote the bytes, or nobody did.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        record::decode(VERSION, bytes)
    }
}
