//! How many permits each VM has out, and what becomes of those of a VM that is gone.
//!
//! The permits of a pool are one gauge, which a VM that traps leaves too high. So each VM says a few times a second how many
//! it has out. What the gauge says is a moment younger than what the VMs said, so the two never agree exactly while there is
//! traffic; but they differ to both sides. Only a difference that was to one side at every look for [`WATCHED`] is taken for
//! a debt, and of that the smallest that was seen.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_contract::record;
use spillway_host::{Gauge, Host, HostError, Slot};
use spillway_primitives::Timestamp;

const VERSION: u8 = 1;
/// How often a VM says so.
const EVERY: Duration = Duration::from_millis(200);
/// A VM that has said nothing for so long is gone.
const GONE: Duration = Duration::from_secs(3);
/// How long a difference is watched.
const WATCHED: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Share {
    vm: u64,
    permits: u32,
    at: Timestamp,
}

/// The permits of a pool by VM, as this VM knows them.
#[derive(Debug)]
pub(crate) struct Shares {
    slot: Slot,
    said: Timestamp,
    watched: Option<Watched>,
}

/// By how much the gauge was too high since then, at least and at most.
#[derive(Clone, Copy, Debug)]
struct Watched {
    since: Timestamp,
    least: i64,
    most: i64,
}

/// What a look has shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// VMs that are gone.
    pub(crate) gone: Vec<u64>,
    /// Whether it is for this VM to put things right.
    pub(crate) is_ours: bool,
    /// By how much the gauge was lowered, or raised where less than zero.
    pub(crate) repaired: i64,
}

impl Shares {
    /// Makes the key. On configuration, before there is traffic.
    pub(crate) fn new(host: &dyn Host, pool: usize) -> Result<Self, HostError> {
        let slot = Slot::new(format!("spillway/permits/{pool}"));
        slot.create(host)?;
        Ok(Self { slot, said: Timestamp::ZERO, watched: None })
    }

    /// Says how many permits this VM has out, if it is time to; `None` if not.
    pub(crate) fn say(
        &mut self,
        host: &dyn Host,
        (vm, permits): (u64, u32),
        admitted: Gauge,
        now: Timestamp,
    ) -> Option<Seen> {
        if self.said <= now && now.since(self.said) < EVERY {
            return None;
        }
        self.said = now;
        let mut seen = Seen::default();
        let mut all = 0_i64;
        let updated = self.slot.update(host, |bytes| {
            let mut shares: Vec<Share> = record::decode(VERSION, bytes).unwrap_or_default();
            let is_here = |share: &Share| share.vm != vm && now.since(share.at) < GONE;
            seen.gone = shares
                .iter()
                .filter(|share| share.vm != vm && !is_here(share))
                .map(|share| share.vm)
                .collect();
            shares.retain(is_here);
            shares.push(Share { vm, permits, at: now });
            seen.is_ours = shares.iter().all(|share| share.vm >= vm);
            all = shares.iter().map(|share| i64::from(share.permits)).sum();
            record::encode(VERSION, &shares).ok()
        });
        updated.ok()?;
        if !seen.is_ours {
            self.watched = None;
            return Some(seen);
        }
        let excess = i64::try_from(admitted.read(host)).unwrap_or(i64::MAX)
            - i64::try_from(admitted.deficit(host)).unwrap_or(i64::MAX)
            - all;
        seen.repaired = self.watch(excess, now);
        if seen.repaired != 0 {
            admitted.add(host, -seen.repaired).ok();
        }
        Some(seen)
    }

    /// The difference that was there all the time.
    fn watch(&mut self, excess: i64, now: Timestamp) -> i64 {
        let watched = self.watched.get_or_insert(Watched { since: now, least: excess, most: excess });
        watched.least = watched.least.min(excess);
        watched.most = watched.most.max(excess);
        if watched.since > now || watched.least <= 0 && watched.most >= 0 {
            self.watched = None;
            return 0;
        }
        if now.since(watched.since) < WATCHED {
            return 0;
        }
        let debt = if watched.least > 0 { watched.least } else { watched.most };
        self.watched = None;
        debt
    }
}

#[cfg(test)]
mod tests {
    use spillway_host::fake::Fake;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn what_a_vm_that_is_gone_owed_is_taken_back() {
        let host = Fake::new();
        let admitted = Gauge::define(&*host, "admitted").unwrap();
        let [mut one, mut two] = [0, 1].map(|_| Shares::new(&*host, 0).unwrap());
        admitted.add(&*host, 7).unwrap();
        let first = one.say(&*host, (1, 4), admitted, at(0)).unwrap();
        assert!(first.is_ours);
        assert!(!two.say(&*host, (2, 3), admitted, at(0)).unwrap().is_ours, "the first one sees to it");
        assert_eq!(one.say(&*host, (1, 4), admitted, at(100)), None, "not that often");
        let mut gone = Vec::new();
        let mut repaired = 0;
        for millis in (200..12_000).step_by(200) {
            let seen = two.say(&*host, (2, 3), admitted, at(millis)).unwrap();
            gone.extend(seen.gone);
            repaired += seen.repaired;
            if repaired > 0 {
                assert!((8_000..9_000).contains(&millis), "after {millis} ms");
                break;
            }
        }
        assert_eq!((gone, repaired, admitted.read(&*host)), (vec![1], 4, 3));
    }

    #[test]
    fn a_difference_to_both_sides_is_none() {
        let host = Fake::new();
        let admitted = Gauge::define(&*host, "admitted").unwrap();
        let mut shares = Shares::new(&*host, 0).unwrap();
        admitted.add(&*host, 5).unwrap();
        for look in 0..200 {
            let permits = if look % 7 == 0 { 6 } else { 4 };
            let seen = shares.say(&*host, (1, permits), admitted, at(look * 200)).unwrap();
            assert_eq!(seen.repaired, 0);
        }
    }

    #[test]
    fn a_gauge_that_is_too_low_is_raised() {
        let host = Fake::new();
        let admitted = Gauge::define(&*host, "admitted").unwrap();
        let mut shares = Shares::new(&*host, 0).unwrap();
        admitted.add(&*host, -2).unwrap();
        for millis in (0..6_000).step_by(200) {
            shares.say(&*host, (1, 0), admitted, at(millis));
        }
        assert_eq!((admitted.read(&*host), admitted.deficit(&*host)), (0, 0));
    }
}
