//! S3-FIFO over the whole cache (Yang et al., SOSP 2023, algorithm 1).

use std::collections::VecDeque;

use super::Cache;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    Small,
    Main,
    Ghost,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    place: Place,
    uses: u8,
    size: u32,
    /// When it became a ghost.
    gone: u64,
}

#[derive(Default)]
struct Queue {
    keys: VecDeque<u32>,
    bytes: u64,
}

impl Queue {
    fn push(&mut self, key: u32, size: u32) {
        self.keys.push_back(key);
        self.bytes += u64::from(size);
    }
}

pub(super) struct S3Fifo {
    entries: Vec<Entry>,
    small: Queue,
    main: Queue,
    /// With the time at which each became one; those that came back stay in line.
    ghosts: VecDeque<(u32, u64)>,
    ghost_bytes: u64,
    clock: u64,
    capacity: u64,
}

impl S3Fifo {
    pub(super) fn new(capacity: u64, keys: usize) -> Self {
        Self {
            entries: vec![Entry::default(); keys],
            small: Queue::default(),
            main: Queue::default(),
            ghosts: VecDeque::new(),
            ghost_bytes: 0,
            clock: 0,
            capacity,
        }
    }

    fn evict(&mut self) {
        if self.small.bytes * 10 >= self.capacity || self.main.keys.is_empty() {
            self.evict_small();
        } else {
            self.evict_main();
        }
    }

    fn evict_small(&mut self) {
        while let Some(key) = self.small.keys.pop_front() {
            let entry = &mut self.entries[key as usize];
            self.small.bytes -= u64::from(entry.size);
            if entry.uses > 1 {
                (entry.place, entry.uses) = (Place::Main, 0);
                self.main.push(key, entry.size);
            } else {
                self.clock += 1;
                (entry.place, entry.gone) = (Place::Ghost, self.clock);
                self.ghosts.push_back((key, self.clock));
                self.ghost_bytes += u64::from(entry.size);
                self.forget();
                return;
            }
        }
    }

    fn evict_main(&mut self) {
        while let Some(key) = self.main.keys.pop_front() {
            let entry = &mut self.entries[key as usize];
            if entry.uses > 0 {
                entry.uses -= 1;
                self.main.keys.push_back(key);
            } else {
                self.main.bytes -= u64::from(entry.size);
                entry.place = Place::Nowhere;
                return;
            }
        }
    }

    /// As many ghosts as the main queue may hold entries.
    fn forget(&mut self) {
        while self.ghost_bytes * 10 > self.capacity * 9 {
            let Some((key, gone)) = self.ghosts.pop_front() else { return };
            let entry = &mut self.entries[key as usize];
            if entry.place == Place::Ghost && entry.gone == gone {
                entry.place = Place::Nowhere;
                self.ghost_bytes -= u64::from(entry.size);
            }
        }
    }
}

impl Cache for S3Fifo {
    fn request(&mut self, key: u32, size: u32) -> bool {
        let entry = &mut self.entries[key as usize];
        if matches!(entry.place, Place::Small | Place::Main) {
            entry.uses = (entry.uses + 1).min(3);
            return true;
        }
        if u64::from(size) > self.capacity {
            return false;
        }
        let was_here = std::mem::take(&mut entry.place) == Place::Ghost;
        if was_here {
            self.ghost_bytes -= u64::from(size);
        }
        while self.small.bytes + self.main.bytes + u64::from(size) > self.capacity {
            self.evict();
        }
        let (place, queue) =
            if was_here { (Place::Main, &mut self.main) } else { (Place::Small, &mut self.small) };
        self.entries[key as usize] = Entry { place, uses: 0, size, gone: 0 };
        queue.push(key, size);
        false
    }
}
