//! The leases that are out, and who waits for each.

use super::Place;
use crate::purge::Marks;
use crate::stored::{Key, Stored};
use spillway_contract::cache::protocol::LeaseToken;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Bounds on leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseLimits {
    /// How many may be out. Beyond, whoever asks is told nothing, and computes.
    pub max_leases: usize,
    /// How many may wait. Beyond, whoever asks is told at once that the lease is taken.
    pub max_waiting: usize,
}

/// What an asker is told at once.
#[derive(Debug)]
pub enum Asked {
    /// It computes.
    Granted(LeaseToken),
    /// Somebody else does.
    Taken,
    /// Somebody else does, and the asker is in line.
    InLine(Place),
    /// There are too many leases to keep one more.
    Full,
}

/// What comes to one who waits.
#[derive(Debug)]
pub enum Told {
    /// The entry.
    Entry(Arc<Stored>),
    /// The lease: whoever had it does not compute any more.
    Granted(LeaseToken),
}

/// A lease that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// How many purges there had been when it was granted.
    pub epoch: u64,
}

/// All leases.
#[derive(Debug)]
pub struct Leases {
    limits: LeaseLimits,
    marks: Arc<Marks>,
    slots: Mutex<HashMap<Key, Slot>>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Slot {
    token: LeaseToken,
    expires: Instant,
    epoch: u64,
    line: VecDeque<InLine>,
}

#[derive(Debug)]
struct InLine {
    lasts: Duration,
    sender: oneshot::Sender<Told>,
}

impl Leases {
    /// No leases yet.
    #[must_use]
    pub fn new(limits: LeaseLimits, marks: Arc<Marks>) -> Arc<Self> {
        Arc::new(Self { limits, marks, slots: Mutex::default(), waiting: AtomicUsize::new(0) })
    }

    /// Asks for the lease of a key, for so long. `waits`: the asker would stand in line for it.
    #[must_use]
    pub fn ask(self: &Arc<Self>, key: Key, lasts: Duration, waits: bool) -> Asked {
        let (now, epoch) = (Instant::now(), self.marks.epoch());
        let mut slots = self.slots();
        if let Some(slot) = slots.get_mut(&key) {
            if now >= slot.expires && !slot.pass_on(now, epoch) {
                return Asked::Granted(slot.grant(lasts, epoch, now));
            }
            if !waits || self.waiting.load(Ordering::Relaxed) >= self.limits.max_waiting {
                return Asked::Taken;
            }
            let (sender, receiver) = oneshot::channel();
            slot.line.push_back(InLine { lasts, sender });
            self.waiting.fetch_add(1, Ordering::Relaxed);
            return Asked::InLine(Place::new(Arc::clone(self), key, receiver));
        }
        if slots.len() >= self.limits.max_leases {
            return Asked::Full;
        }
        let token = new_token();
        slots.insert(key, Slot { token, expires: now + lasts, epoch, line: VecDeque::new() });
        Asked::Granted(token)
    }

    /// The lease of a key, if that is its token and its time is not over.
    #[must_use]
    pub fn held(&self, key: &Key, token: LeaseToken) -> Option<Held> {
        let slots = self.slots();
        let slot = slots.get(key).filter(|slot| slot.token == token && Instant::now() < slot.expires)?;
        Some(Held { epoch: slot.epoch })
    }

    /// The entry is there: the lease ends, and those in line get the entry. Returns how many did.
    pub fn finish(&self, key: &Key, entry: &Arc<Stored>) -> usize {
        let slot = self.slots().remove(key);
        let line = slot.into_iter().flat_map(|slot| slot.line);
        line.filter(|waiter| !waiter.sender.is_closed())
            .map(|waiter| waiter.sender.send(Told::Entry(Arc::clone(entry))))
            .filter(Result::is_ok)
            .count()
    }

    /// A lease is given back, and the first in line is granted it. False if there is no such lease.
    pub fn give_back(&self, key: &Key, token: LeaseToken) -> bool {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(key).filter(|slot| slot.token == token) else { return false };
        if !slot.pass_on(Instant::now(), self.marks.epoch()) {
            slots.remove(key);
        }
        true
    }

    /// Passes on leases whose time is over; those that nobody waits for are forgotten.
    pub fn sweep(&self) {
        let (now, epoch) = (Instant::now(), self.marks.epoch());
        self.slots().retain(|_, slot| now < slot.expires || slot.pass_on(now, epoch));
    }

    /// Everybody who waits is told that the lease is taken: the cache tier is about to stop.
    pub fn dismiss(&self) {
        for slot in self.slots().values_mut() {
            slot.line.clear();
        }
    }

    /// How many are out.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slots().len()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// When the lease of a key that is out now expires.
    pub(super) fn expires(&self, key: &Key) -> Option<Instant> {
        self.slots().get(key).map(|slot| slot.expires)
    }

    /// Passes the lease of a key on if its time is over.
    pub(super) fn expire(&self, key: &Key) {
        let (now, epoch) = (Instant::now(), self.marks.epoch());
        let mut slots = self.slots();
        if slots.get_mut(key).is_some_and(|slot| now >= slot.expires && !slot.pass_on(now, epoch)) {
            slots.remove(key);
        }
    }

    /// One who waited does not wait any more.
    pub(super) fn leaves(&self, key: &Key) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(slot) = self.slots().get_mut(key) {
            slot.line.retain(|waiter| !waiter.sender.is_closed());
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        // Nothing panics while the table is held, so a poisoned lock cannot hold half a change.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn grant(&mut self, lasts: Duration, epoch: u64, now: Instant) -> LeaseToken {
        self.token = new_token();
        self.expires = now + lasts;
        self.epoch = epoch;
        self.token
    }

    /// Grants it to the first in line who is still there. False if there is none.
    fn pass_on(&mut self, now: Instant, epoch: u64) -> bool {
        while let Some(InLine { lasts, sender }) = self.line.pop_front() {
            let token = self.grant(lasts, epoch, now);
            if sender.send(Told::Granted(token)).is_ok() {
                return true;
            }
        }
        false
    }
}

/// A token is a capability, so it is random. Without entropy there are no leases that anybody could end.
fn new_token() -> LeaseToken {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "no randomness for a lease");
    }
    LeaseToken::new(bytes)
}
