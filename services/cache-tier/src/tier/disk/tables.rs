//! The tables of the file.

use redb::TableDefinition;

/// Key → the number of its place in the order (8 bytes, little-endian), then what is kept.
pub(super) const ENTRIES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("entries");

/// The order in which entries came → key, and how much of the file the entry takes. The oldest goes first.
pub(super) const ORDER: TableDefinition<'_, u64, (&[u8; 32], u64)> = TableDefinition::new("order");

/// Scope → time of its mark.
pub(super) const MARKS: TableDefinition<'_, u64, u64> = TableDefinition::new("marks");

/// Sums that would take long to add up.
pub(super) const SUMS: TableDefinition<'_, &str, u64> = TableDefinition::new("sums");

/// How much of the file all entries take.
pub(super) const FOOTPRINT: &str = "footprint";

/// Splits a value into its place in the order and what is kept.
pub(super) fn split(value: &[u8]) -> Option<(u64, &[u8])> {
    let (order, bytes) = value.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*order), bytes))
}
