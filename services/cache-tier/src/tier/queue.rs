//! Writes that are still to be made: bounded in number and bytes, those of one key in order.

use crate::stored::{Key, Stored};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much may wait to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Changes.
    pub changes: usize,
    /// Bytes of entries.
    pub bytes: usize,
}

/// Why a change is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// As much waits as may.
    QueueFull,
    /// The layer is left alone for a while.
    CircuitOpen,
    /// The cache tier stops.
    Stopping,
}

impl Refused {
    /// The word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::CircuitOpen => "circuit_open",
            Self::Stopping => "stopping",
        }
    }
}

/// A change that waits. It takes up room until it is dropped.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) what: What,
    _room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Put(Arc<Stored>),
    Delete(Key),
}

/// More parts than this share lanes.
const MOST_GROUPS: usize = 8;

/// The queue of one layer, in lanes: a key is always in the same one, and parts that can fail alone have lanes of their
/// own, so that one does not hold the others up.
#[derive(Debug)]
pub(super) struct Queue {
    limits: QueueLimits,
    lanes_each: usize,
    lanes: RwLock<Vec<UnboundedSender<Job>>>,
    changes: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Queue {
    /// The queue, and the other end of each lane.
    pub(super) fn new(
        limits: QueueLimits,
        parts: usize,
        lanes_each: usize,
    ) -> (Self, Vec<UnboundedReceiver<Job>>) {
        let bytes = limits.bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let limits = QueueLimits { bytes, changes: limits.changes.min(Semaphore::MAX_PERMITS) };
        let lanes_each = lanes_each.max(1);
        let lanes = parts.clamp(1, MOST_GROUPS) * lanes_each;
        let (senders, receivers) = (0..lanes).map(|_| unbounded_channel()).unzip();
        let queue = Self {
            limits,
            lanes_each,
            lanes: RwLock::new(senders),
            changes: Arc::new(Semaphore::new(limits.changes)),
            bytes: Arc::new(Semaphore::new(limits.bytes)),
        };
        (queue, receivers)
    }

    pub(super) fn push(&self, part: usize, what: What) -> Result<(), Refused> {
        let (key, size) = match &what {
            What::Put(entry) => (*entry.key(), entry.size()),
            What::Delete(key) => (*key, 0),
        };
        let size = u32::try_from(size).map_err(|_| Refused::QueueFull)?;
        let full = |_| Refused::QueueFull;
        let change = Arc::clone(&self.changes).try_acquire_owned().map_err(full)?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(size).map_err(full)?;
        let job = Job { what, _room: (change, bytes) };
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let [first, ..] = key;
        let lane = part.wrapping_mul(self.lanes_each).wrapping_add(usize::from(first) % self.lanes_each);
        let lane = lane.checked_rem(lanes.len()).and_then(|lane| lanes.get(lane));
        lane.ok_or(Refused::Stopping)?.send(job).map_err(|_| Refused::Stopping)
    }

    /// Takes nothing more; what waits is still written.
    pub(super) fn close(&self) {
        self.lanes.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Changes and bytes that wait or are being written.
    pub(super) fn load(&self) -> (usize, usize) {
        let bytes = self.limits.bytes.saturating_sub(self.bytes.available_permits());
        (self.limits.changes.saturating_sub(self.changes.available_permits()), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_contract::cache::entry::Entry;

    fn put(key: u8, body: usize) -> What {
        let entry = Entry { key: [key; 32], body: vec![0; body], ..Entry::default() };
        What::Put(Arc::new(Stored::read(entry.encode().unwrap().into(), 1).unwrap()))
    }

    #[test]
    fn it_is_bounded_both_ways() {
        let (queue, mut lanes) = Queue::new(QueueLimits { changes: 3, bytes: 10_000 }, 1, 1);
        assert_eq!(queue.push(0, put(1, 9_000)), Ok(()));
        assert_eq!(queue.push(0, put(2, 9_000)), Err(Refused::QueueFull));
        assert_eq!(queue.load().0, 1, "what was refused takes no room");
        assert_eq!(queue.push(0, put(2, 10)), Ok(()));
        assert_eq!(queue.push(0, What::Delete([3; 32])), Ok(()));
        assert_eq!(queue.push(0, What::Delete([4; 32])), Err(Refused::QueueFull));
        while lanes[0].try_recv().is_ok() {}
        assert_eq!(queue.load(), (0, 0));
    }

    #[test]
    fn a_key_stays_in_its_lane() {
        let (queue, mut lanes) = Queue::new(QueueLimits { changes: 100, bytes: 10_000 }, 1, 3);
        for key in [0, 3, 6, 1, 0] {
            queue.push(0, What::Delete([key; 32])).unwrap();
        }
        let counts: Vec<_> =
            lanes.iter_mut().map(|lane| std::iter::from_fn(|| lane.try_recv().ok()).count()).collect();
        assert_eq!(counts, [4, 1, 0]);
    }

    #[test]
    fn parts_have_lanes_of_their_own() {
        let (queue, mut lanes) = Queue::new(QueueLimits { changes: 100, bytes: 10_000 }, 64, 2);
        for (part, key) in [(0, 0), (0, 1), (1, 1), (7, 3), (8, 0)] {
            queue.push(part, What::Delete([key; 32])).unwrap();
        }
        let counts: Vec<_> =
            lanes.iter_mut().map(|lane| std::iter::from_fn(|| lane.try_recv().ok()).count()).collect();
        assert_eq!(counts, [2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn what_waits_is_there_after_the_end() {
        let (queue, mut lanes) = Queue::new(QueueLimits { changes: 100, bytes: 10_000 }, 1, 1);
        queue.push(0, put(1, 10)).unwrap();
        queue.close();
        assert_eq!(queue.push(0, put(2, 10)), Err(Refused::Stopping));
        assert!(lanes[0].try_recv().is_ok() && lanes[0].try_recv().is_err());
    }
}
