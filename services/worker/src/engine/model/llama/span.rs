//! What a step reads: the next tokens of several texts.

use crate::engine::model::kv::PageId;

/// The next tokens of a text: one while it is generated, several while its prompt is read.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Span<'a> {
    /// At least one.
    pub(in super::super) tokens: &'a [u32],
    /// How many came before them: their keys and values are there.
    pub(in super::super) start: usize,
    /// Where keys and values of the text are, with room for these.
    pub(in super::super) pages: &'a [PageId],
    /// Whether it is asked what may follow the last of them.
    pub(in super::super) wants_scores: bool,
}

/// One of these tokens: a row of what the layers calculate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// The pages of its text.
    pub(super) pages: &'a [PageId],
    /// Its position there.
    pub(super) position: usize,
}

impl<'a> Span<'a> {
    pub(super) fn rows(self) -> impl Iterator<Item = Row<'a>> {
        (self.start..).take(self.tokens.len()).map(move |position| Row { pages: self.pages, position })
    }
}
