//! The words of a simulated answer: one word is one token, the same for the same seed.

use spillway_primitives::Rng;

const WORDS: [&str; 16] = [
    "water ",
    "runs ",
    "over ",
    "the ",
    "spillway ",
    "when ",
    "river ",
    "is ",
    "high ",
    "and ",
    "gates ",
    "stay ",
    "open ",
    "until ",
    "rain ",
    "ends ",
];

/// An endless text.
#[derive(Debug)]
pub(super) struct Words(Rng);

impl Words {
    pub(super) fn new(rng: Rng) -> Self {
        Self(rng)
    }

    /// The next word, with a space after it unless it is the last.
    pub(super) fn next(&mut self, last: bool) -> &'static str {
        let word = self.0.choice(WORDS).unwrap_or("water ");
        if last { word.trim_end() } else { word }
    }
}
