//! Other programs on the same machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A thread on each core but one that does nothing but compute, until it is dropped.
pub(super) struct Others {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Others {
    pub(super) fn start() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let ends = Arc::new(AtomicBool::new(false));
        let busy = |_| {
            let ends = Arc::clone(&ends);
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    std::hint::black_box(
                        (0..10_000_u64).fold(0, |sum, number| sum ^ number.wrapping_mul(sum | 1)),
                    );
                }
            })
        };
        Self { threads: (1..cores.max(2)).map(busy).collect(), ends }
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It does nothing that could fail.
            let _ = thread.join();
        }
    }
}
