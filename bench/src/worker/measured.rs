//! What was measured: of each engine, calm and with the other cores busy.

use super::engine::{LLAMA_CPP, OURS};
use super::{joining, throughput};

/// The figures of one engine, round by round.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) rates: throughput::Rates,
    pub(super) times: joining::Times,
}

/// Figures while the machine does nothing else, and while every other core is busy.
#[derive(Debug, Default)]
pub(super) struct Both {
    pub(super) calm: Figures,
    pub(super) busy: Figures,
}

/// What the other cores do, and the figures of that time.
pub(super) const CONDITIONS: [(&str, Condition); 2] =
    [("calm", |both| &both.calm), ("busy", |both| &both.busy)];
type Condition = fn(&Both) -> &Figures;

/// Ours, and llama.cpp's or why there are none.
pub(super) struct Measured {
    pub(super) ours: Both,
    pub(super) llama_cpp: Result<Both, String>,
}

/// The figures of one engine while the other cores are `when`.
pub(super) struct Row<'a> {
    pub(super) when: &'static str,
    pub(super) engine: &'static str,
    pub(super) is_ours: bool,
    /// Or why there are none.
    pub(super) figures: Result<&'a Figures, &'a str>,
}

impl Measured {
    /// Ours and llama.cpp's in turn, so that what is compared stands together.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        CONDITIONS.into_iter().flat_map(|(when, of)| {
            let theirs = self.llama_cpp.as_ref().map(of).map_err(String::as_str);
            [
                Row { when, engine: OURS, is_ours: true, figures: Ok(of(&self.ours)) },
                Row { when, engine: LLAMA_CPP, is_ours: false, figures: theirs },
            ]
        })
    }
}
