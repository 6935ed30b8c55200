//! What a layer is made of: something that keeps bytes by key, and marks.

use crate::purge::Mark;
use crate::stored::Key;
use bytes::Bytes;
use spillway_backing::Fault;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

/// What a backend answers, in its own time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// One change of what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Keep these bytes, for so long.
    Put {
        /// Under this key.
        key: Key,
        /// What to keep.
        bytes: Bytes,
        /// For how long; a backend that cannot forget by itself may keep them longer.
        ttl: Duration,
    },
    /// Forget what is kept under this key.
    Delete {
        /// The key.
        key: Key,
    },
}

impl Change {
    /// What it changes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// How a backend likes its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// How many writers work at the same time for each part. Changes of one key are made by one of them, in order.
    pub lanes: usize,
    /// How many changes a writer makes at once, at most.
    pub changes: usize,
    /// How many bytes a writer writes at once, about: the change that goes beyond is the last one.
    pub bytes: usize,
    /// How long writing that may take. Nobody waits for it, but what comes after it does.
    pub timeout: Duration,
}

/// Something that keeps bytes by key, and marks.
pub trait Backend: Debug + Send + Sync {
    /// What is kept under a key.
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Bytes>>;

    /// Makes changes. An error means that some of them may not have been made.
    fn change(&self, changes: Vec<Change>) -> Answer<'_, ()>;

    /// All marks that are kept; `None`: the same as the last time that this process asked.
    fn marks(&self) -> Answer<'_, Option<Vec<Mark>>>;

    /// Keeps marks, and forgets those that are older than that.
    fn keep_marks(&self, marks: Vec<Mark>, oldest_ms: u64) -> Answer<'_, ()>;

    /// Removes what has outlived `ttl` and does not go by itself. Returns how many entries went.
    fn sweep(&self, ttl: Duration) -> Answer<'_, u64> {
        let _ = ttl;
        Box::pin(async { Ok(0) })
    }

    /// Of how many parts it is that can fail alone.
    fn parts(&self) -> usize {
        1
    }

    /// Which of them has a key, as far as is known.
    fn part(&self, key: &Key) -> usize {
        let _ = key;
        0
    }

    /// How it likes its changes.
    fn batching(&self) -> Batching;

    /// How much it holds, where it knows: bytes and entries.
    fn usage(&self) -> Option<(u64, u64)> {
        None
    }
}
