//! What requests that wait are told, and the mail by which they hear of it wherever they wait.

use spillway_host::{Host, HostError, Mail as Letters};
use spillway_shedding::queue::Member;

/// What a request that waits is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It is its turn.
    Go,
    /// Its client would have it too late.
    Overdue,
    /// Its place went to a request with more right to it.
    Preempted,
}

impl Word {
    const ALL: [Self; 3] = [Self::Go, Self::Overdue, Self::Preempted];
}

/// The mailbox of this VM, and the way to those of others.
pub(crate) struct Mail(Letters);

impl Mail {
    /// Opens the mailbox of this VM.
    pub(crate) fn open(host: &dyn Host) -> Result<Self, HostError> {
        Letters::open(host, "shedder").map(Self)
    }

    /// This VM's number.
    pub(crate) const fn vm(&self) -> u64 {
        self.0.vm()
    }

    /// The queue of this mailbox.
    #[cfg(test)]
    pub(crate) const fn queue(&self) -> u32 {
        self.0.queue()
    }

    /// Whether that is the queue of this mailbox.
    pub(crate) const fn is(&self, queue: u32) -> bool {
        self.0.is(queue)
    }

    /// Tells a request that waits for the pool of that number; false where its VM cannot be reached.
    pub(crate) fn send(&self, host: &dyn Host, pool: usize, to: Member, word: Word) -> bool {
        let Ok(pool) = u8::try_from(pool) else { return false };
        let [a, b, c, d] = to.stream.to_le_bytes();
        self.0.send(host, to.vm, &[word as u8, pool, a, b, c, d])
    }

    /// The next message: for which pool, which stream, and what it is told.
    pub(crate) fn read(&self, host: &dyn Host) -> Option<(usize, u32, Word)> {
        loop {
            let message = self.0.read(host)?;
            let [word, pool, stream @ ..] = message.as_slice() else { continue };
            let Some(stream) = stream.first_chunk::<4>() else { continue };
            if let Some(word) = Word::ALL.into_iter().find(|known| *known as u8 == *word) {
                return Some((usize::from(*pool), u32::from_le_bytes(*stream), word));
            }
        }
    }
}
