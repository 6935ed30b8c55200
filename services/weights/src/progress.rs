//! How far a load is.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What is being done, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is asked what the name stands for.
    Looking,
    /// Another process of this machine fetches the weights.
    Waiting,
    /// Chunks come.
    Fetching,
    /// What is on disk is compared with its digests.
    Verifying,
    /// The weights are there.
    Done,
}

impl Step {
    const ALL: [Self; 5] = [Self::Looking, Self::Waiting, Self::Fetching, Self::Verifying, Self::Done];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Looking => "looking",
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Verifying => "verifying",
            Self::Done => "done",
        }
    }
}

/// How far a load is: written by the load, read by who shows it.
#[derive(Debug, Default)]
pub struct Progress {
    step: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

/// [`Progress`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// What is being done.
    pub step: Step,
    /// Bytes of that step that are done.
    pub done: u64,
    /// Bytes of that step; 0 where that is not known.
    pub total: u64,
}

impl Progress {
    /// A step begins, of so many bytes.
    pub fn begin(&self, step: Step, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.step.store(step as u8, Ordering::Relaxed);
    }

    /// More of it is done.
    pub fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much of it is done.
    pub fn set(&self, bytes: u64) {
        self.done.store(bytes, Ordering::Relaxed);
    }

    /// Where it stands.
    #[must_use]
    pub fn stand(&self) -> Stand {
        let step = Step::ALL.get(usize::from(self.step.load(Ordering::Relaxed)));
        let total = self.total.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(total);
        Stand { step: step.copied().unwrap_or(Step::Looking), done, total }
    }
}

impl Stand {
    /// How much of the step is done, 0 to 100.
    #[must_use]
    pub fn percent(self) -> u8 {
        let percent = self.done.saturating_mul(100).checked_div(self.total).unwrap_or(0);
        u8::try_from(percent).unwrap_or(100).min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_where_it_was_left() {
        let progress = Progress::default();
        assert_eq!(progress.stand(), Stand { step: Step::Looking, done: 0, total: 0 });
        assert_eq!(progress.stand().percent(), 0);
        for step in Step::ALL {
            progress.begin(step, 300);
            progress.add(100);
            progress.add(50);
            assert_eq!(progress.stand(), Stand { step, done: 150, total: 300 });
            assert_eq!(progress.stand().percent(), 50);
        }
        progress.add(1000);
        assert_eq!(progress.stand().percent(), 100, "never more than all");
    }
}
