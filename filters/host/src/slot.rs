//! A bounded value in shared data, changed by compare-and-swap.
//!
//! Two traps of Envoy's shared data are closed here. A key can never be removed, so keys are only ever made from a
//! fixed set. And the number 0 means "no check", so two threads that create one key at the same time both succeed:
//! a slot is created once, on configuration, before there is traffic.

use crate::{Host, HostError, SharedValue, Status};

/// The most bytes that a slot may hold.
const MAX_BYTES: usize = 1 << 20;

/// How often an update is tried again after somebody else was faster.
const MAX_ROUNDS: usize = 16;

/// A key of shared data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    key: String,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// The new value stands.
    Written,
    /// The change did not want to write.
    Kept,
}

impl Slot {
    /// The slot of that key.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Makes the slot, empty, if it is not there. Only on configuration.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host has no shared data.
    pub fn create(&self, host: &dyn Host) -> Result<(), HostError> {
        match host.shared(&self.key)? {
            Some(_) => Ok(()),
            None => host.set_shared(&self.key, &[], None),
        }
    }

    /// The value; empty for a slot that nobody has written.
    ///
    /// # Errors
    ///
    /// [`Status::NotFound`] for a slot that was never created.
    pub fn read(&self, host: &dyn Host) -> Result<SharedValue, HostError> {
        host.shared(&self.key)?.ok_or(HostError { call: "get_shared_data", status: Status::NotFound })
    }

    /// Replaces the value by what `change` makes of it; `None` keeps it. `change` runs again when somebody else
    /// was faster, so it must depend on its argument alone.
    ///
    /// # Errors
    ///
    /// [`Status::CasMismatch`] when others were faster sixteen times in a row, [`Status::BadArgument`] for a
    /// value over 1 MiB, and what the host says.
    pub fn update(
        &self,
        host: &dyn Host,
        mut change: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Updated, HostError> {
        for _ in 0..MAX_ROUNDS {
            let old = self.read(host)?;
            let Some(new) = change(&old.bytes) else { return Ok(Updated::Kept) };
            if new.len() > MAX_BYTES {
                return Err(HostError { call: "set_shared_data", status: Status::BadArgument });
            }
            match host.set_shared(&self.key, &new, Some(old.cas)) {
                Err(HostError { status: Status::CasMismatch, .. }) => {}
                done => return done.map(|()| Updated::Written),
            }
        }
        Err(HostError { call: "set_shared_data", status: Status::CasMismatch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn an_update_that_was_overtaken_runs_again() {
        let host = Fake::new();
        let slot = Slot::new("s");
        slot.create(&*host).unwrap();
        let mut rounds = 0;
        let updated = slot.update(&*host, |old| {
            rounds += 1;
            if rounds == 1 {
                host.set_shared("s", b"other", None).unwrap();
            }
            Some([old, b"+mine"].concat())
        });
        assert_eq!(updated, Ok(Updated::Written));
        assert_eq!(slot.read(&*host).unwrap().bytes, b"other+mine");
    }

    #[test]
    fn creating_twice_keeps_the_value() {
        let host = Fake::new();
        let slot = Slot::new("s");
        slot.create(&*host).unwrap();
        slot.update(&*host, |_| Some(vec![7])).unwrap();
        slot.create(&*host).unwrap();
        assert_eq!(slot.read(&*host).unwrap().bytes, [7]);
        assert_eq!(slot.update(&*host, |_| None), Ok(Updated::Kept));
    }

    #[test]
    fn a_slot_that_was_never_created_and_a_value_too_large_are_errors() {
        let host = Fake::new();
        let slot = Slot::new("s");
        assert_eq!(slot.read(&*host).unwrap_err().to_string(), "get_shared_data: not found");
        slot.create(&*host).unwrap();
        let error = slot.update(&*host, |_| Some(vec![0; MAX_BYTES + 1])).unwrap_err();
        assert_eq!(error.status, Status::BadArgument);
    }
}
