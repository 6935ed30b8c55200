//! Work that waits for the computing thread, first come, first served.
//!
//! Whoever puts work in holds its [`Place`]: dropping the place takes the work out again, so a client that leaves
//! while it waits gives its place to somebody else at once.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A queue with one end for many tasks and one for a thread. It is bounded by whoever admits to it.
#[derive(Debug)]
pub(super) struct Queue<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    came: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    next_number: u64,
    work: VecDeque<(u64, T)>,
}

/// Where a piece of work waits.
#[derive(Debug)]
pub(super) struct Place<T> {
    queue: Arc<Shared<T>>,
    number: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let waiting = Mutex::new(Waiting { next_number: 0, work: VecDeque::new() });
        Self(Arc::new(Shared { waiting, came: Condvar::new() }))
    }
}

impl<T> Queue<T> {
    /// Puts work at the end.
    pub(super) fn push(&self, work: T) -> Place<T> {
        let mut waiting = self.0.waiting();
        let number = waiting.next_number;
        waiting.next_number += 1;
        waiting.work.push_back((number, work));
        self.0.came.notify_one();
        Place { queue: Arc::clone(&self.0), number }
    }

    /// Takes the first piece of work, waiting for one.
    pub(super) fn pop(&self) -> T {
        let mut waiting = self.0.waiting();
        loop {
            match waiting.work.pop_front() {
                Some((_, work)) => return work,
                None => waiting = self.0.came.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl<T> Shared<T> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing panics while the queue is held, so a poisoned lock cannot hold half a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        let at = waiting.work.iter().position(|(number, _)| *number == self.number);
        let work = at.and_then(|at| waiting.work.remove(at));
        drop(waiting);
        // Outside of the lock: dropping work may do anything.
        drop(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_except_for_those_who_left() {
        let queue = Queue::default();
        let _first = queue.push(1);
        let second = queue.push(2);
        let third = queue.push(3);
        drop(second);
        assert_eq!(queue.pop(), 1);
        assert_eq!(queue.pop(), 3);
        drop(third);
        let _fourth = queue.push(4);
        assert_eq!(queue.pop(), 4, "leaving after having been served takes nothing out");
    }
}
