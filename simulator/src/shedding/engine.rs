//! An inference worker: slots, and whoever waits for one in order of arrival.

use std::collections::VecDeque;

#[derive(Clone, Debug, Default)]
pub(super) struct Engine {
    pub(super) slots: u32,
    pub(super) running: u32,
    pub(super) waiting: VecDeque<usize>,
    /// Whether it is sent requests. One that is not still finishes what it has.
    pub(super) eligible: bool,
}

impl Engine {
    /// Requests that run or wait.
    pub(super) fn load(&self) -> u32 {
        self.running + self.waiting.len() as u32
    }

    /// A request comes. True if it runs at once.
    pub(super) fn takes(&mut self, request: usize) -> bool {
        if self.running < self.slots {
            self.running += 1;
            return true;
        }
        self.waiting.push_back(request);
        false
    }

    /// A request has its answer. Gives the one that runs in its stead.
    pub(super) fn ends(&mut self) -> Option<usize> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.running -= 1;
        }
        next
    }
}
