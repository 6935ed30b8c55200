//! Where a service is in its life, as far as requests are concerned.

use std::sync::atomic::{AtomicU8, Ordering};

/// A part of that life. None comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Requests are taken.
    Serving,
    /// Requests are taken, but `/ready` says no: whoever routes has time to see it.
    Leaving,
    /// Requests are refused; those in flight are finished.
    Draining,
}

/// The life of a service, which begins with [`Phase::Serving`].
#[derive(Debug, Default)]
pub struct Life(AtomicU8);

impl Life {
    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Serving,
            1 => Phase::Leaving,
            _ => Phase::Draining,
        }
    }

    /// Goes on to a later part; an earlier one changes nothing.
    pub fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::Serving => 0,
            Phase::Leaving => 1,
            Phase::Draining => 2,
        };
        self.0.fetch_max(number, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_one_way() {
        let life = Life::default();
        assert_eq!(life.phase(), Phase::Serving);
        for (enters, is_then) in [
            (Phase::Leaving, Phase::Leaving),
            (Phase::Serving, Phase::Leaving),
            (Phase::Draining, Phase::Draining),
            (Phase::Leaving, Phase::Draining),
        ] {
            life.enter(enters);
            assert_eq!(life.phase(), is_then);
        }
    }
}
