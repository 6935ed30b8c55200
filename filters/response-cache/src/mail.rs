//! What requests that wait are told, and the mail by which they hear of it wherever they wait.

use spillway_caching::flight::Member;
use spillway_host::{Host, HostError, Mail as Letters};

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
pub(crate) struct Mail(Letters);

impl Mail {
    /// Opens the mailbox of this VM.
    pub(crate) fn open(host: &dyn Host) -> Result<Self, HostError> {
        Letters::open(host, "cache").map(Self)
    }

    /// This VM's number.
    pub(crate) const fn vm(&self) -> u64 {
        self.0.vm()
    }

    /// Whether that is the queue of this mailbox.
    pub(crate) const fn is(&self, queue: u32) -> bool {
        self.0.is(queue)
    }

    /// Tells this VM itself that it has something to send.
    pub(crate) fn remind(&self, host: &dyn Host) -> bool {
        self.send(host, Member { vm: self.vm(), stream: 0 }, Word::Send)
    }

    /// Tells a request; false where its VM cannot be reached.
    pub(crate) fn send(&self, host: &dyn Host, to: Member, word: Word) -> bool {
        let [a, b, c, d] = to.stream.to_le_bytes();
        self.0.send(host, to.vm, &[word as u8, a, b, c, d])
    }

    /// The next message: which stream, and what it is told.
    pub(crate) fn read(&self, host: &dyn Host) -> Option<(u32, Word)> {
        loop {
            let message = self.0.read(host)?;
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
