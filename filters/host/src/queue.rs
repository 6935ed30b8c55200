//! Waking another VM: each VM has one mailbox, others write to it.
//!
//! Envoy's shared queues are unbounded, so the sender bounds them: a gauge per mailbox counts what was sent and not
//! yet read, and a full mailbox refuses.

use crate::{Gauge, Host, HostError, Status};

/// A VM's own mailbox.
#[derive(Clone, Copy, Debug)]
pub struct Mailbox {
    queue: u32,
    waiting: Gauge,
}

impl Mailbox {
    /// Opens the mailbox of that name, which no other VM may have.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host has no queues.
    pub fn open(host: &dyn Host, name: &str) -> Result<Self, HostError> {
        Ok(Self { queue: host.register_queue(name)?, waiting: waiting(host, name)? })
    }

    /// The number that `on_queue_ready` names.
    #[must_use]
    pub const fn queue(&self) -> u32 {
        self.queue
    }

    /// The oldest message; `None` when all are read.
    ///
    /// # Errors
    ///
    /// [`HostError`] from the queue.
    pub fn read(&self, host: &dyn Host) -> Result<Option<Vec<u8>>, HostError> {
        let message = host.dequeue(self.queue)?;
        if message.is_some() {
            self.waiting.add(host, -1)?;
        }
        Ok(message)
    }
}

/// Another VM's mailbox.
#[derive(Clone, Copy, Debug)]
pub struct MailTo {
    queue: u32,
    waiting: Gauge,
    capacity: u64,
}

impl MailTo {
    /// Finds the mailbox that a VM with this `vm_id` has opened; `None` if there is none. It takes at most
    /// `capacity` messages at a time.
    ///
    /// # Errors
    ///
    /// [`HostError`] from the host.
    pub fn find(host: &dyn Host, vm_id: &str, name: &str, capacity: u64) -> Result<Option<Self>, HostError> {
        let Some(queue) = host.resolve_queue(vm_id, name)? else { return Ok(None) };
        Ok(Some(Self { queue, waiting: waiting(host, name)?, capacity }))
    }

    /// Sends a message and wakes the owner.
    ///
    /// # Errors
    ///
    /// [`Status::InternalFailure`] when the mailbox is full, or the host refuses.
    pub fn send(&self, host: &dyn Host, message: &[u8]) -> Result<(), HostError> {
        if self.waiting.read(host) >= self.capacity {
            return Err(HostError { call: "enqueue_shared_queue", status: Status::InternalFailure });
        }
        self.waiting.add(host, 1)?;
        host.enqueue(self.queue, message).inspect_err(|_| {
            self.waiting.add(host, -1).ok();
        })
    }
}

fn waiting(host: &dyn Host, name: &str) -> Result<Gauge, HostError> {
    Gauge::define(host, &format!("spillway.mailbox.{}.waiting", spillway_contract::metrics::label(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn messages_come_in_order_and_a_full_mailbox_refuses() {
        let host = Fake::new();
        assert!(MailTo::find(&*host, "spillway", "w1", 2).unwrap().is_none());
        let mailbox = Mailbox::open(&*host, "w1").unwrap();
        let mail = MailTo::find(&*host, "spillway", "w1", 2).unwrap().unwrap();
        mail.send(&*host, b"a").unwrap();
        mail.send(&*host, b"b").unwrap();
        assert_eq!(mail.send(&*host, b"c").unwrap_err().status, Status::InternalFailure);
        assert_eq!(mailbox.read(&*host).unwrap().as_deref(), Some(&b"a"[..]));
        mail.send(&*host, b"d").unwrap();
        assert_eq!(mailbox.read(&*host).unwrap().as_deref(), Some(&b"b"[..]));
        assert_eq!(mailbox.read(&*host).unwrap().as_deref(), Some(&b"d"[..]));
        assert_eq!(mailbox.read(&*host).unwrap(), None);
    }
}
