//! Requests that waited go on: they have their answer, or compute it now.

use spillway_caching::freshness::Circumstances;
use spillway_contract::cache::entry::EntryRef;

use crate::ask::Role;
use crate::counters::Hit;
use crate::entry;
use crate::flights;
use crate::mail::Word;
use crate::memory::Found;
use crate::reply::{self, Origin};
use crate::shared::Shared;

/// Messages that are read in one callback.
const MOST_AT_ONCE: u32 = 32;

impl Shared {
    /// Reads the mail. Not all of it at once: each answer is copied, and kept by Envoy until this is over.
    pub(crate) fn wake(&self) {
        for read in 0.. {
            if read == MOST_AT_ONCE {
                self.mail.remind(&*self.host);
                break;
            }
            let Some((stream, word)) = self.mail.read(&*self.host) else { break };
            if word == Word::Send {
                self.host.act_for(self.root).ok();
                self.tier.iter().for_each(|tier| tier.send_writes(self));
                self.send_refreshes();
                continue;
            }
            let answered = word == Word::Answered && self.answer(stream);
            if !answered {
                self.go_on(stream, if word == Word::Lead { Role::Leader } else { Role::Alone });
            }
        }
        self.host.act_for(self.root).ok();
    }

    /// Lets those go on that have waited for too long.
    pub(crate) fn let_late_ones_go(&self) {
        let now = self.host.now();
        let late = self
            .waiting
            .try_borrow()
            .map(|waiting| waiting.late(now, self.follower_timeout))
            .unwrap_or_default();
        for stream in late {
            self.counters.followers_late.add(&*self.host, 1);
            let key = self.go_on(stream, Role::Alone);
            if let Some(key) = key {
                self.succeed(flights::leave(&*self.host, key, self.member(stream), now, &self.limits));
            }
        }
        self.host.act_for(self.root).ok();
    }

    /// Answers a request with what another one has brought. False where that is not there, or is of no use to it.
    fn answer(&self, stream: u32) -> bool {
        let (host, now) = (&*self.host, self.host.now());
        let Ok(mut waiting) = self.waiting.try_borrow_mut() else { return false };
        let Some((ask, sent)) = waiting.take(stream) else { return true };
        if sent {
            waiting.insert(stream, ask, now);
            waiting.send(stream);
            return true;
        }
        let found = self.memory.find(host, ask.key);
        // Only what is fresh is said to be there.
        let circumstances = Circumstances::default();
        let serves = |entry: &EntryRef<'_>| {
            let freshness = entry::freshness(entry, self.rule(&ask));
            ask.terms.serves(&freshness, now, circumstances).is_some()
        };
        match found.as_ref().and_then(Found::entry).filter(serves) {
            Some(entry) => {
                if host.act_for(stream).is_err() {
                    // The stream is gone, and so is who would have been answered.
                    return true;
                }
                self.counters.hit(host, Hit::Collapsed);
                reply::entry(self, &ask, &entry, Origin::Collapsed, now);
                true
            }
            None => {
                waiting.insert(stream, ask, now);
                false
            }
        }
    }

    /// Lets a request go on to the upstream; its key.
    fn go_on(&self, stream: u32, role: Role) -> Option<spillway_caching::digest::Digest> {
        let mut waiting = self.waiting.try_borrow_mut().ok()?;
        let ask = waiting.send(stream)?;
        ask.role = role;
        self.counters.misses.add(&*self.host, 1);
        let resumed = self.host.act_for(stream).and_then(|()| self.host.resume_request());
        if let Err(error) = resumed {
            log::warn!("a request that waited cannot be sent on: {error}");
        }
        Some(ask.key)
    }
}
