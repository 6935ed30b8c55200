//! Work that waits for the computing thread: the most important first, then who came first.
//!
//! Whoever puts work in holds its [`Place`]: dropping the place takes the work out again, so a client that leaves
//! while it waits gives its place to somebody else at once.

use super::NotBegun;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who waits for so long is as important as the next level. So nobody waits for ever, however many more important
/// requests come.
const RISES_AFTER: Duration = Duration::from_secs(10);

/// What a queue needs to know of work.
pub(super) trait Waits {
    /// How important it is: 0 is the most.
    fn level(&self) -> u8;
    /// When nobody waits for it any more.
    fn deadline(&self) -> Option<Instant>;
    /// It is not begun any more.
    fn give_up(self, why: NotBegun);
}

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
    work: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    number: u64,
    came: Instant,
    work: T,
}

/// Where a piece of work waits.
#[derive(Debug)]
pub(super) struct Place<T> {
    queue: Arc<Shared<T>>,
    number: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let waiting = Mutex::new(Waiting { next_number: 0, work: Vec::new() });
        Self(Arc::new(Shared { waiting, came: Condvar::new() }))
    }
}

impl<T: Waits> Queue<T> {
    /// Puts work in, which came now.
    pub(super) fn push(&self, work: T, now: Instant) -> Place<T> {
        let mut waiting = self.0.waiting();
        let number = waiting.next_number;
        waiting.next_number += 1;
        waiting.work.push(Entry { number, came: now, work });
        self.0.came.notify_one();
        Place { queue: Arc::clone(&self.0), number }
    }

    /// Waits until there is work.
    pub(super) fn wait(&self) {
        let mut waiting = self.0.waiting();
        while waiting.work.is_empty() {
            waiting = self.0.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the work whose turn it is, if it is wanted. Work whose deadline has passed is out.
    pub(super) fn take_if(&self, now: Instant, is_wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut waiting = self.0.waiting();
        let late = |entry: &mut Entry<T>| entry.work.deadline().is_some_and(|deadline| deadline <= now);
        let expired: Vec<_> = waiting.work.extract_if(.., late).collect();
        let rank = |entry: &Entry<T>| {
            let risen = now.saturating_duration_since(entry.came).as_secs() / RISES_AFTER.as_secs();
            (u64::from(entry.work.level()).saturating_sub(risen), entry.number)
        };
        let first = waiting.work.iter().enumerate().min_by_key(|(_, entry)| rank(entry));
        let at = first.filter(|(_, entry)| is_wanted(&entry.work)).map(|(at, _)| at);
        let taken = at.map(|at| waiting.work.remove(at).work);
        drop(waiting);
        // Outside of the lock: this may do anything.
        expired.into_iter().for_each(|entry| entry.work.give_up(NotBegun::Expired));
        taken
    }

    /// Gives up all work that waits.
    pub(super) fn hand_back(&self) {
        let all = std::mem::take(&mut self.0.waiting().work);
        all.into_iter().for_each(|entry| entry.work.give_up(NotBegun::HandedBack));
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
        let at = waiting.work.iter().position(|entry| entry.number == self.number);
        let work = at.map(|at| waiting.work.remove(at));
        drop(waiting);
        // Outside of the lock: dropping work may do anything.
        drop(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A name, a level, and when nobody waits for it any more.
    #[derive(Debug, PartialEq)]
    struct Piece(&'static str, u8, Option<Instant>);

    static EXPIRED: AtomicU32 = AtomicU32::new(0);
    static HANDED_BACK: AtomicU32 = AtomicU32::new(0);

    impl Waits for Piece {
        fn level(&self) -> u8 {
            self.1
        }

        fn deadline(&self) -> Option<Instant> {
            self.2
        }

        fn give_up(self, why: NotBegun) {
            let count = if why == NotBegun::Expired { &EXPIRED } else { &HANDED_BACK };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[track_caller]
    fn next(queue: &Queue<Piece>, now: Instant, expected: Option<&str>) {
        assert_eq!(queue.take_if(now, |_| true).map(|piece| piece.0), expected);
    }

    #[test]
    fn the_most_important_first_then_who_came_first_except_for_those_who_left() {
        let (queue, now) = (Queue::default(), Instant::now());
        let _first = queue.push(Piece("first", 1, None), now);
        let second = queue.push(Piece("second", 1, None), now);
        let third = queue.push(Piece("third", 1, None), now);
        let _important = queue.push(Piece("important", 0, None), now);
        drop(second);
        assert_eq!(
            queue.take_if(now, |piece| piece.0 != "important"),
            None,
            "nobody overtakes whose turn it is"
        );
        for expected in ["important", "first", "third"] {
            next(&queue, now, Some(expected));
        }
        drop(third);
        let _fourth = queue.push(Piece("fourth", 1, None), now);
        next(&queue, now, Some("fourth"));
        next(&queue, now, None);
    }

    #[test]
    fn who_waits_for_long_rises() {
        let (queue, now) = (Queue::default(), Instant::now());
        let _patient = queue.push(Piece("patient", 2, None), now);
        let _later = queue.push(Piece("later", 1, None), now + seconds(10));
        let _important = queue.push(Piece("important", 0, None), now + seconds(19));
        next(&queue, now + seconds(19), Some("important"));
        next(&queue, now + seconds(19), Some("patient"));
        next(&queue, now + seconds(19), Some("later"));
    }

    #[test]
    fn who_waited_too_long_is_told_so() {
        let (queue, now) = (Queue::default(), Instant::now());
        let _hasty = queue.push(Piece("hasty", 0, Some(now + seconds(5))), now);
        let _patient = queue.push(Piece("patient", 0, Some(now + seconds(50))), now);
        next(&queue, now + seconds(6), Some("patient"));
        assert_eq!(EXPIRED.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_waits_can_be_given_up_and_what_comes_later_waits_again() {
        let (queue, now) = (Queue::default(), Instant::now());
        let _places = ["one", "other"].map(|name| queue.push(Piece(name, 0, None), now));
        queue.hand_back();
        assert_eq!(HANDED_BACK.load(Ordering::Relaxed), 2);
        next(&queue, now, None);
        let _late = queue.push(Piece("late", 0, None), now);
        next(&queue, now, Some("late"));
    }
}
