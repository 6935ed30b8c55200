//! What happens next: events by time, and by the order in which they were made where the time is the same.
//!
//! Without that second part the order of simultaneous events would be the heap's, and a change of the standard
//! library could change a table.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use spillway_primitives::Timestamp;

/// Events that are to come.
#[derive(Debug)]
pub struct Events<E> {
    heap: BinaryHeap<Entry<E>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Timestamp,
    sequence: u64,
    event: E,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<E> Events<E> {
    /// Something is going to happen.
    pub fn push(&mut self, at: Timestamp, event: E) {
        self.sequence += 1;
        self.heap.push(Entry { at, sequence: self.sequence, event });
    }

    /// What happens next, and when; `None` when nothing is to come.
    pub fn pop(&mut self) -> Option<(Timestamp, E)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }
}

impl<E> Ord for Entry<E> {
    /// The heap gives the greatest first: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_come_by_time_and_then_as_they_were_made(times in proptest::collection::vec(0u64..8, 0..64)) {
            let mut events = Events::default();
            for (number, time) in times.iter().enumerate() {
                events.push(Timestamp::from_millis(*time), number);
            }
            let came: Vec<_> = std::iter::from_fn(|| events.pop()).collect();
            let mut expected: Vec<_> =
                times.iter().enumerate().map(|(number, time)| (Timestamp::from_millis(*time), number)).collect();
            expected.sort_unstable();
            prop_assert_eq!(came, expected);
        }
    }
}
