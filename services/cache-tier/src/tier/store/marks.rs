//! Marks in the store.

use crate::purge::{Mark, Scope};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload};
use spillway_backing::Fault;
use spillway_backing::store::fault;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many marks are kept at the same time.
const AT_ONCE: usize = 8;

/// How many old marks are removed at a time.
const REMOVE_AT_ONCE: usize = 500;

/// The objects of marks, and what is known of them.
#[derive(Debug)]
pub(super) struct MarkObjects {
    client: Arc<AmazonS3>,
    folder: Path,
    known: Mutex<Vec<Mark>>,
}

impl MarkObjects {
    pub(super) fn new(client: Arc<AmazonS3>, folder: Path) -> Self {
        Self { client, folder, known: Mutex::default() }
    }

    pub(super) async fn read(&self) -> Result<Vec<Mark>, Fault> {
        let list = self.client.list(Some(&self.folder));
        let marks = list.try_filter_map(async |object| Ok(object.location.filename().and_then(mark)));
        let marks: Vec<_> = marks.try_collect().await.map_err(|error| fault(&error))?;
        marks.clone_into(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(marks)
    }

    /// Keeps marks, and removes those that count no more.
    pub(super) async fn keep(&self, marks: Vec<Mark>, oldest_ms: u64) -> Result<(), Fault> {
        let kept = stream::iter(marks).map(Ok).try_for_each_concurrent(AT_ONCE, |mark| async move {
            self.client.put(&self.path(mark), PutPayload::new()).await.map(drop)
        });
        kept.await.map_err(|error| fault(&error))?;
        let useless = useless(&self.known.lock().unwrap_or_else(PoisonError::into_inner), oldest_ms);
        let paths: Vec<_> =
            useless.into_iter().take(REMOVE_AT_ONCE).map(|mark| Ok(self.path(mark))).collect();
        let removed = self.client.delete_stream(stream::iter(paths).boxed());
        // One that stays is removed the next time.
        let _: Result<Vec<Path>, Error> = removed.try_collect().await;
        Ok(())
    }

    fn path(&self, mark: Mark) -> Path {
        self.folder.clone().join(format!("{:016x}-{:016x}", mark.scope.number(), mark.before_ms))
    }
}

fn mark(name: &str) -> Option<Mark> {
    let (scope, before_ms) = name.split_once('-')?;
    let scope = Scope::from_number(u64::from_str_radix(scope, 16).ok()?);
    Some(Mark { scope, before_ms: u64::from_str_radix(before_ms, 16).ok()? })
}

/// Marks that are too old, or that a later one of the same scope covers.
fn useless(marks: &[Mark], oldest_ms: u64) -> Vec<Mark> {
    let mut latest = BTreeMap::new();
    for mark in marks {
        let known = latest.entry(mark.scope).or_insert(mark.before_ms);
        *known = mark.before_ms.max(*known);
    }
    let is_useless = |mark: &&Mark| {
        mark.before_ms < oldest_ms || latest.get(&mark.scope).is_some_and(|latest| *latest > mark.before_ms)
    };
    marks.iter().filter(is_useless).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scope: u64, before_ms: u64) -> Mark {
        Mark { scope: Scope::from_number(scope), before_ms }
    }

    #[test]
    fn a_name_is_all_there_is_to_a_mark() {
        assert_eq!(mark("00000000000000ff-0000018bcfe56800"), Some(of(255, 1_700_000_000_000)));
        for name in ["", "ff", "x-1", "1-x", "ff-1-2"] {
            assert_eq!(mark(name), None, "{name}");
        }
    }

    #[test]
    fn what_counts_no_more_is_removed() {
        let marks = [of(1, 10), of(1, 30), of(2, 20), of(3, 5)];
        assert_eq!(useless(&marks, 8), [of(1, 10), of(3, 5)]);
        assert_eq!(useless(&marks, 0), [of(1, 10)]);
        assert_eq!(useless(&[], 8), []);
    }
}
