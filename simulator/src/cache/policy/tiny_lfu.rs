//! W-TinyLFU (Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", 2017): a window of
//! recent entries, and a main part into which only comes who is asked for more often than the one that would go.

use super::Cache;
use super::recency::Recency;

/// Part of the cache that is the window, and part of the rest that is protected, in percent.
const WINDOW: u64 = 1;
const PROTECTED: u64 = 80;
/// The sketch ages after so many requests per entry of the cache.
const SAMPLE: u64 = 10;
const ROWS: usize = 4;
const MOST: u8 = 15;

pub(super) struct TinyLfu {
    window: Recency,
    probation: Recency,
    protected: Recency,
    sketch: Sketch,
    capacity: u64,
}

impl TinyLfu {
    pub(super) fn new(entries: u32, capacity: u64, keys: usize) -> Self {
        let [window, probation, protected] = [(); 3].map(|()| Recency::new(keys));
        Self { window, probation, protected, sketch: Sketch::new(entries), capacity }
    }

    /// Who leaves the window comes into the main part, or does not.
    fn settle(&mut self) {
        let window = (self.capacity * WINDOW / 100).max(1);
        while self.window.bytes() > window {
            let Some((candidate, size)) = self.window.take_oldest() else { return };
            self.probation.put(candidate, size);
            self.fit(candidate, self.capacity - window);
        }
    }

    fn fit(&mut self, candidate: u32, main: u64) {
        while self.probation.bytes() + self.protected.bytes() > main {
            let oldest = self.probation.oldest().filter(|oldest| *oldest != candidate);
            let Some(victim) = oldest.or_else(|| self.protected.oldest()) else { return };
            if self.sketch.count(candidate) > self.sketch.count(victim) {
                self.probation.take(victim);
                self.protected.take(victim);
            } else {
                self.probation.take(candidate);
                return;
            }
        }
    }

    fn protect(&mut self, key: u32, size: u32) {
        self.protected.put(key, size);
        let most = self.capacity * (100 - WINDOW) / 100 * PROTECTED / 100;
        while self.protected.bytes() > most {
            let Some((key, size)) = self.protected.take_oldest() else { return };
            self.probation.put(key, size);
        }
    }
}

impl Cache for TinyLfu {
    fn request(&mut self, key: u32, size: u32) -> bool {
        self.sketch.add(key);
        if self.window.holds(key) {
            self.window.put(key, size);
        } else if self.probation.take(key).is_some() || self.protected.holds(key) {
            self.protect(key, size);
        } else {
            if u64::from(size) <= self.capacity {
                self.window.put(key, size);
                self.settle();
            }
            return false;
        }
        true
    }
}

/// A count-min sketch whose counts are halved now and then.
struct Sketch {
    counts: [Vec<u8>; ROWS],
    added: u64,
    sample: u64,
}

impl Sketch {
    fn new(entries: u32) -> Self {
        let width = (entries as usize * 2).next_power_of_two();
        Self { counts: [(); ROWS].map(|()| vec![0; width]), added: 0, sample: u64::from(entries) * SAMPLE }
    }

    fn add(&mut self, key: u32) {
        let least = self.count(key);
        for row in 0..ROWS {
            let at = self.at(key, row);
            let count = &mut self.counts[row][at];
            // Only the least ones: the others are too high already.
            if *count == least && *count < MOST {
                *count += 1;
            }
        }
        self.added += 1;
        if self.added >= self.sample {
            self.added /= 2;
            self.counts.iter_mut().flatten().for_each(|count| *count /= 2);
        }
    }

    fn count(&self, key: u32) -> u8 {
        (0..ROWS).map(|row| self.counts[row][self.at(key, row)]).min().unwrap_or(0)
    }

    fn at(&self, key: u32, row: usize) -> usize {
        // Another hash for each row: the finaliser of SplitMix64.
        let word = (u64::from(key) * ROWS as u64 + row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) as usize % self.counts[row].len()
    }
}
