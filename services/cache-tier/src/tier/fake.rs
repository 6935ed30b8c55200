//! A backend of the tests: it keeps everything, and answers as it is told to.

use super::{Answer, Backend, Batching, Change};
use crate::purge::Mark;
use crate::stored::Key;
use bytes::Bytes;
use spillway_backing::Fault;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(crate) entries: Mutex<BTreeMap<Key, Bytes>>,
    pub(crate) marks: Mutex<Vec<Mark>>,
    pub(crate) behaviour: Mutex<Behaviour>,
    /// How often it was asked for an entry.
    pub(crate) gets: AtomicU32,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behaviour {
    pub(crate) delay: Duration,
    pub(crate) fails: bool,
}

impl Fake {
    pub(crate) fn behaves(&self, delay: Duration, fails: bool) {
        *self.behaviour.lock().unwrap() = Behaviour { delay, fails };
    }

    pub(crate) fn has(&self, key: &Key) -> bool {
        self.entries.lock().unwrap().contains_key(key)
    }

    fn answer<'a, T: Send + 'a>(&'a self, work: impl FnOnce(&Self) -> T + Send + 'a) -> Answer<'a, T> {
        let Behaviour { delay, fails } = *self.behaviour.lock().unwrap();
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            if fails { Err(Fault::Failed) } else { Ok(work(self)) }
        })
    }
}

impl Backend for Fake {
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Bytes>> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.answer(|fake| fake.entries.lock().unwrap().get(key).cloned())
    }

    fn change(&self, changes: Vec<Change>) -> Answer<'_, ()> {
        self.answer(|fake| {
            let mut entries = fake.entries.lock().unwrap();
            for change in changes {
                match change {
                    Change::Put { key, bytes, .. } => drop(entries.insert(key, bytes)),
                    Change::Delete { key } => drop(entries.remove(&key)),
                }
            }
        })
    }

    fn marks(&self) -> Answer<'_, Option<Vec<Mark>>> {
        self.answer(|fake| Some(fake.marks.lock().unwrap().clone()))
    }

    fn keep_marks(&self, marks: Vec<Mark>, _: u64) -> Answer<'_, ()> {
        self.answer(|fake| fake.marks.lock().unwrap().extend(marks))
    }

    fn batching(&self) -> Batching {
        Batching { lanes: 2, changes: 1, bytes: usize::MAX, timeout: Duration::from_secs(5) }
    }
}
