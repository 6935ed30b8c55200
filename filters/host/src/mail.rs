//! Mail between the VMs of one filter: each has a mailbox by its number, and any may write to any.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Host, HostError, MailTo, Mailbox, Slot};

const VM_ID: &str = "spillway";
/// More messages than this mean that a VM does not read them any more.
const CAPACITY: u64 = 100_000;
/// How often taking a number that others were faster at is begun anew.
const MOST_ROUNDS: u32 = 16;

/// The mailbox of this VM, and the way to those of others.
#[derive(Debug)]
pub struct Mail {
    own: Mailbox,
    prefix: String,
    vm: u64,
    others: RefCell<BTreeMap<u64, MailTo>>,
}

impl Mail {
    /// Opens a mailbox for this VM, under a number that no other VM of the process has or had. `filter` tells the
    /// mailboxes of different filters apart. On configuration, before there is traffic.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host has no queues or no shared data.
    pub fn open(host: &dyn Host, filter: &str) -> Result<Self, HostError> {
        let vm = next_number(host, filter)?;
        let prefix = format!("spillway-{filter}-");
        Ok(Self {
            own: Mailbox::open(host, &format!("{prefix}{vm}"))?,
            prefix,
            vm,
            others: RefCell::default(),
        })
    }

    /// This VM's number; never 0.
    #[must_use]
    pub const fn vm(&self) -> u64 {
        self.vm
    }

    /// The queue of this mailbox.
    #[must_use]
    pub const fn queue(&self) -> u32 {
        self.own.queue()
    }

    /// Whether that is the queue of this mailbox.
    #[must_use]
    pub const fn is(&self, queue: u32) -> bool {
        self.own.queue() == queue
    }

    /// Sends a message; false where its VM cannot be reached.
    pub fn send(&self, host: &dyn Host, vm: u64, message: &[u8]) -> bool {
        let Ok(mut others) = self.others.try_borrow_mut() else { return false };
        let mail = match others.get(&vm) {
            Some(mail) => *mail,
            None => match MailTo::find(host, VM_ID, &format!("{}{vm}", self.prefix), CAPACITY) {
                Ok(Some(mail)) => *others.entry(vm).or_insert(mail),
                _ => return false,
            },
        };
        mail.send(host, message).is_ok()
    }

    /// The next message for this VM; `None` when all are read.
    pub fn read(&self, host: &dyn Host) -> Option<Vec<u8>> {
        self.own.read(host).ok().flatten()
    }
}

/// A number that no other VM of this process has or had; never 0.
fn next_number(host: &dyn Host, filter: &str) -> Result<u64, HostError> {
    let slot = Slot::new(format!("spillway/{filter}/holders"));
    slot.create(host)?;
    let mut next = 0;
    let mut take = || {
        slot.update(host, |bytes| {
            let last = bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            next = last.wrapping_add(1).max(1);
            Some(next.to_le_bytes().to_vec())
        })
    };
    // All Envoy workers start at the same time.
    (0..MOST_ROUNDS).find_map(|_| take().ok()).map_or_else(&mut take, Ok)?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn vms_write_to_one_another_and_to_themselves() {
        let host = Fake::new();
        let (one, two) = (Mail::open(&*host, "test").unwrap(), Mail::open(&*host, "test").unwrap());
        assert_eq!((one.vm(), two.vm()), (1, 2));
        assert!(one.send(&*host, 2, b"a") && two.send(&*host, 2, b"b"));
        assert!(!one.send(&*host, 3, b"c"), "nobody has that number");
        assert_eq!(two.read(&*host).as_deref(), Some(&b"a"[..]));
        assert_eq!(two.read(&*host).as_deref(), Some(&b"b"[..]));
        assert_eq!((two.read(&*host), one.read(&*host)), (None, None));
    }
}
