//! Requests that waited go on: they have their answer, or compute it now.

use spillway_caching::freshness::Circumstances;

use crate::ask::Role;
use crate::counters::Hit;
use crate::flights;
use crate::mail::Word;
use crate::reply::{self, Origin};
use crate::shared::Shared;

impl Shared {
    /// Reads the mail.
    pub(crate) fn wake(&self) {
        while let Some((stream, word)) = self.mail.read(&*self.host) {
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
        let late = self.waiting.try_borrow().map(|waiting| waiting.late(now)).unwrap_or_default();
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
        let circumstances = Circumstances::default();
        let serves = |found: &crate::memory::Found| {
            ask.terms.serves(&crate::entry::freshness(&found.entry()), now, circumstances).is_some()
        };
        match found.filter(serves) {
            Some(found) => {
                host.act_for(stream).ok();
                self.counters.hit(host, Hit::Collapsed);
                reply::entry(self, &ask, &found, Origin::Collapsed, now);
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
        ask.collapsed = false;
        self.counters.misses.add(&*self.host, 1);
        self.host.act_for(stream).ok();
        if let Err(error) = self.host.resume_request() {
            log::warn!("a request that waited cannot be sent on: {error}");
        }
        Some(ask.key)
    }
}
