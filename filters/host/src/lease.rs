//! A lease: at most one holder at a time, among all VMs of the process.
//!
//! Leases are by the wall clock, which all VMs of one process share. A holder that does not renew loses the lease
//! when it runs out; a clock that steps back makes a lease last longer and never makes two holders.

use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::{Host, HostError, Slot, Updated};

const VERSION: u8 = 1;
const BYTES: usize = 17;
const NOBODY: u64 = 0;

/// What became of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It was nobody's.
    Taken,
    /// It was one's own already.
    Renewed,
    /// Its holder let it run out: whatever that holder left undone is now to be seen to.
    TakenOver,
    /// Somebody else holds it.
    Refused,
}

impl Hold {
    /// Whether the lease is held now.
    #[must_use]
    pub fn is_held(self) -> bool {
        self != Self::Refused
    }
}

/// One thing that at most one VM does at a time.
#[derive(Clone, Debug)]
pub struct Lease {
    slot: Slot,
    holder: u64,
}

impl Lease {
    /// The lease of that key, as seen by `holder`: a number that no other VM has, and not 0.
    #[must_use]
    pub fn new(key: impl Into<String>, holder: u64) -> Self {
        Self { slot: Slot::new(key), holder: holder.max(1) }
    }

    /// Makes the lease's slot. Only on configuration.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host has no shared data.
    pub fn create(&self, host: &dyn Host) -> Result<(), HostError> {
        self.slot.create(host)
    }

    /// Takes or renews the lease until `now + span`.
    ///
    /// # Errors
    ///
    /// [`HostError`] from shared data.
    pub fn hold(&self, host: &dyn Host, now: Timestamp, span: Duration) -> Result<Hold, HostError> {
        let mine = record(self.holder, now.plus(span));
        let mut hold = Hold::Refused;
        self.slot.update(host, |old| {
            hold = match read(old) {
                Some((holder, _)) if holder == self.holder => Hold::Renewed,
                None | Some((NOBODY, _)) => Hold::Taken,
                Some((_, until)) if until <= now => Hold::TakenOver,
                Some(_) => Hold::Refused,
            };
            hold.is_held().then(|| mine.clone())
        })?;
        Ok(hold)
    }

    /// Renews the lease; false, and nothing is written, unless it is still one's own.
    ///
    /// # Errors
    ///
    /// [`HostError`] from shared data.
    pub fn renew(&self, host: &dyn Host, now: Timestamp, span: Duration) -> Result<bool, HostError> {
        let mine = record(self.holder, now.plus(span));
        let updated = self.slot.update(host, |old| {
            read(old).is_some_and(|(holder, _)| holder == self.holder).then(|| mine.clone())
        })?;
        Ok(updated == Updated::Written)
    }

    /// Whether nobody has ever held the lease.
    ///
    /// # Errors
    ///
    /// [`HostError`] from shared data.
    pub fn is_untouched(&self, host: &dyn Host) -> Result<bool, HostError> {
        Ok(self.slot.read(host)?.bytes.is_empty())
    }

    /// Whether its holder let it run out.
    ///
    /// # Errors
    ///
    /// [`HostError`] from shared data.
    pub fn has_run_out(&self, host: &dyn Host, now: Timestamp) -> Result<bool, HostError> {
        Ok(read(&self.slot.read(host)?.bytes).is_some_and(|(holder, until)| holder != NOBODY && until <= now))
    }

    /// Gives the lease back, if it is held.
    ///
    /// # Errors
    ///
    /// [`HostError`] from shared data.
    pub fn release(&self, host: &dyn Host) -> Result<(), HostError> {
        let free = record(NOBODY, Timestamp::ZERO);
        self.slot
            .update(host, |old| {
                read(old).is_some_and(|(holder, _)| holder == self.holder).then(|| free.clone())
            })
            .map(|_| ())
    }
}

fn record(holder: u64, until: Timestamp) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&holder.to_le_bytes());
    bytes.extend_from_slice(&until.as_nanos().to_le_bytes());
    bytes
}

/// Holder and end. What is no record of this version reads as "nobody", so that a damaged one is not held for ever.
fn read(bytes: &[u8]) -> Option<(u64, Timestamp)> {
    let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
    let (version, rest) = bytes.split_first()?;
    let (holder, until) = rest.split_first_chunk::<8>()?;
    let until = until.first_chunk::<8>()?;
    (*version == VERSION)
        .then(|| (u64::from_le_bytes(*holder), Timestamp::from_nanos(u64::from_le_bytes(*until))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    const SPAN: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn one_holder_until_it_runs_out() {
        let host = Fake::new();
        let (first, second) = (Lease::new("l", 1), Lease::new("l", 2));
        first.create(&*host).unwrap();
        assert!(first.is_untouched(&*host).unwrap());
        assert_eq!(first.hold(&*host, at(0), SPAN), Ok(Hold::Taken));
        assert_eq!(second.hold(&*host, at(2), SPAN), Ok(Hold::Refused));
        assert_eq!(first.hold(&*host, at(2), SPAN), Ok(Hold::Renewed));
        assert_eq!(second.hold(&*host, at(4), SPAN), Ok(Hold::Refused));
        assert!(!second.has_run_out(&*host, at(4)).unwrap());
        assert!(second.has_run_out(&*host, at(5)).unwrap());
        assert_eq!(second.hold(&*host, at(5), SPAN), Ok(Hold::TakenOver));
        assert_eq!(first.hold(&*host, at(5), SPAN), Ok(Hold::Refused));
        assert_eq!(first.renew(&*host, at(5), SPAN), Ok(false));
        assert_eq!(second.renew(&*host, at(20), SPAN), Ok(true), "late, but nobody took it");
        assert!(!first.is_untouched(&*host).unwrap());
    }

    #[test]
    fn a_lease_given_back_is_free_at_once_but_only_the_holder_gives_it_back() {
        let host = Fake::new();
        let (first, second) = (Lease::new("l", 1), Lease::new("l", 2));
        first.create(&*host).unwrap();
        first.hold(&*host, at(0), SPAN).unwrap();
        second.release(&*host).unwrap();
        assert_eq!(second.hold(&*host, at(1), SPAN), Ok(Hold::Refused));
        first.release(&*host).unwrap();
        assert!(!second.has_run_out(&*host, at(9)).unwrap());
        assert_eq!(second.hold(&*host, at(1), SPAN), Ok(Hold::Taken));
    }

    #[test]
    fn a_clock_that_steps_back_never_makes_two_holders() {
        let host = Fake::new();
        let (first, second) = (Lease::new("l", 1), Lease::new("l", 2));
        first.create(&*host).unwrap();
        first.hold(&*host, at(100), SPAN).unwrap();
        assert_eq!(second.hold(&*host, at(50), SPAN), Ok(Hold::Refused));
    }

    #[test]
    fn a_damaged_record_is_free() {
        let host = Fake::new();
        let lease = Lease::new("l", 1);
        lease.create(&*host).unwrap();
        host.set_shared("l", b"garbage", None).unwrap();
        assert_eq!(lease.hold(&*host, at(0), SPAN), Ok(Hold::Taken));
    }
}
