//! Waking a request that waits, wherever it does: each VM has a mailbox.

use std::cell::RefCell;
use std::collections::BTreeMap;

use spillway_caching::flight::Member;
use spillway_host::{Host, HostError, MailTo, Mailbox};

const VM_ID: &str = "spillway";
/// More messages than this mean that a VM does not read them any more.
const CAPACITY: u64 = 100_000;

/// What a request that waits is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The answer is in memory.
    Answered,
    /// It is to compute the answer now.
    Lead,
    /// It is to go on by itself.
    Alone,
    /// Not to a request: the VM itself has something to send. Nothing can be sent in its name from within a request's
    /// callback, since the SDK gives the answer to whoever's callback it was.
    Send,
}

/// The mailbox of this VM, and the way to those of others.
pub(crate) struct Mail {
    own: Mailbox,
    vm: u64,
    others: RefCell<BTreeMap<u64, MailTo>>,
}

impl Mail {
    /// Opens the mailbox of the VM with that number, which no other has.
    pub(crate) fn open(host: &dyn Host, vm: u64) -> Result<Self, HostError> {
        Ok(Self { own: Mailbox::open(host, &name(vm))?, vm, others: RefCell::default() })
    }

    /// This VM's number.
    pub(crate) const fn vm(&self) -> u64 {
        self.vm
    }

    /// Whether that is the queue of this mailbox.
    pub(crate) const fn is(&self, queue: u32) -> bool {
        self.own.queue() == queue
    }

    /// Tells this VM itself that it has something to send.
    pub(crate) fn remind(&self, host: &dyn Host) -> bool {
        self.send(host, Member { vm: self.vm, stream: 0 }, Word::Send)
    }

    /// Tells a request; false where its VM cannot be reached.
    pub(crate) fn send(&self, host: &dyn Host, to: Member, word: Word) -> bool {
        let Ok(mut others) = self.others.try_borrow_mut() else { return false };
        let mail = match others.get(&to.vm) {
            Some(mail) => *mail,
            None => match MailTo::find(host, VM_ID, &name(to.vm), CAPACITY) {
                Ok(Some(mail)) => *others.entry(to.vm).or_insert(mail),
                _ => return false,
            },
        };
        let [a, b, c, d] = to.stream.to_le_bytes();
        mail.send(host, &[word as u8, a, b, c, d]).is_ok()
    }

    /// The next message: which stream, and what it is told.
    pub(crate) fn read(&self, host: &dyn Host) -> Option<(u32, Word)> {
        loop {
            let message = self.own.read(host).ok().flatten()?;
            let [word, stream @ ..] = message.as_slice() else { continue };
            let Some(stream) = stream.first_chunk::<4>() else { continue };
            let word = [Word::Answered, Word::Lead, Word::Alone, Word::Send]
                .into_iter()
                .find(|known| *known as u8 == *word);
            if let Some(word) = word {
                return Some((u32::from_le_bytes(*stream), word));
            }
        }
    }
}

fn name(vm: u64) -> String {
    format!("spillway-cache-{vm}")
}
