//! The database: reading, writing, making room.

use super::DiskConfig;
use super::footprint::{footprint, share_for_entries};
use super::tables::{ENTRIES, FOOTPRINT, MARKS, ORDER, SUMS, split};
use crate::purge::{Mark, Scope};
use crate::stored::Key;
use crate::tier::Change;
use bytes::Bytes;
use redb::{
    Database, Error, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, WriteTransaction,
};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How much of the file the library may keep in memory. The operating system keeps the rest.
const CACHE_BYTES: usize = 16 << 20;

/// An open file.
#[derive(Debug)]
pub(super) struct File {
    database: Database,
    limit: u64,
}

impl File {
    /// `is_full`: the disk took no more, so a quarter of what there is gives way.
    pub(super) fn open(path: &Path, config: &DiskConfig, is_full: bool) -> Result<Self, Error> {
        let mut builder = redb::Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let mut file = Self { database: builder.create(path)?, limit: share_for_entries(config.max_bytes) };
        if is_full {
            file.limit = file.limit.min(file.footprint()? / 4 * 3);
        }
        // The tables are there from now on, and the bound holds if it was lowered.
        file.change(&[])?;
        if disk_bytes(path) > config.max_bytes {
            tracing::info!("the file of the disk tier is larger than it may be: it is compacted");
            file.database.compact()?;
        }
        Ok(file)
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Bytes>, Error> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let value = table.get(key)?;
        Ok(value.and_then(|value| Some(Bytes::copy_from_slice(split(value.value())?.1))))
    }

    /// Makes all changes or none.
    pub(super) fn change(&self, changes: &[Change]) -> Result<(), Error> {
        let transaction = self.begin()?;
        {
            let mut change = Changing::begin(&transaction)?;
            for each in changes {
                match each {
                    Change::Put { key, bytes, .. } => change.put(key, bytes)?,
                    Change::Delete { key } => change.delete(key)?,
                }
            }
            change.make_room(self.limit)?;
            change.finish()?;
        }
        transaction.open_table(MARKS)?;
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn marks(&self) -> Result<Vec<Mark>, Error> {
        let table = self.database.begin_read()?.open_table(MARKS)?;
        let mut marks = Vec::new();
        for row in table.iter()? {
            let (scope, before_ms) = row?;
            marks.push(Mark { scope: Scope::from_number(scope.value()), before_ms: before_ms.value() });
        }
        Ok(marks)
    }

    pub(super) fn keep_marks(&self, marks: &[Mark], oldest_ms: u64) -> Result<(), Error> {
        let transaction = self.begin()?;
        {
            let mut table = transaction.open_table(MARKS)?;
            table.retain(|_, before_ms| before_ms >= oldest_ms)?;
            for mark in marks {
                let known = table.get(mark.scope.number())?.map_or(0, |known| known.value());
                table.insert(mark.scope.number(), mark.before_ms.max(known))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> Result<u64, Error> {
        Ok(self.database.begin_read()?.open_table(ENTRIES)?.len()?)
    }

    fn footprint(&self) -> Result<u64, Error> {
        let sum = self.database.begin_read()?.open_table(SUMS)?.get(FOOTPRINT)?;
        Ok(sum.map_or(0, |sum| sum.value()))
    }

    fn begin(&self) -> Result<WriteTransaction, Error> {
        let mut transaction = self.database.begin_write()?;
        // After a crash the file is opened in a millisecond instead of being walked through.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

/// What a file takes of the disk. It may be longer: what was never written is not there.
pub(super) fn disk_bytes(path: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    std::fs::metadata(path).map_or(0, |data| data.blocks().saturating_mul(BLOCK_BYTES))
}

/// A transaction that changes entries.
struct Changing<'t> {
    entries: Table<'t, &'static [u8; 32], &'static [u8]>,
    order: Table<'t, u64, (&'static [u8; 32], u64)>,
    sums: Table<'t, &'static str, u64>,
    footprint: u64,
    next: u64,
}

impl<'t> Changing<'t> {
    fn begin(transaction: &'t WriteTransaction) -> Result<Self, Error> {
        let entries = transaction.open_table(ENTRIES)?;
        let order = transaction.open_table(ORDER)?;
        let sums = transaction.open_table(SUMS)?;
        let footprint = sums.get(FOOTPRINT)?.map_or(0, |sum| sum.value());
        let next = order.last()?.map_or(0, |(last, _)| last.value().saturating_add(1));
        Ok(Self { entries, order, sums, footprint, next })
    }

    fn put(&mut self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        self.delete(key)?;
        let (order, size) = (self.next, footprint(bytes.len()));
        let value = [order.to_le_bytes().as_slice(), bytes].concat();
        self.entries.insert(key, value.as_slice())?;
        self.order.insert(order, (key, size))?;
        self.footprint = self.footprint.saturating_add(size);
        self.next = order.saturating_add(1);
        Ok(())
    }

    fn delete(&mut self, key: &Key) -> Result<(), Error> {
        let order = self.entries.remove(key)?.and_then(|value| Some(split(value.value())?.0));
        let size = match order {
            Some(order) => self.order.remove(order)?.map_or(0, |row| row.value().1),
            None => 0,
        };
        self.footprint = self.footprint.saturating_sub(size);
        Ok(())
    }

    fn make_room(&mut self, limit: u64) -> Result<(), Error> {
        while self.footprint > limit {
            let Some((_, row)) = self.order.pop_first()? else { break };
            let (key, size) = row.value();
            let key = *key;
            drop(row);
            self.entries.remove(&key)?;
            self.footprint = self.footprint.saturating_sub(size);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        self.sums.insert(FOOTPRINT, self.footprint)?;
        Ok(())
    }
}
