//! The beginning of a line, in constant memory.
//!
//! A line of a stream may be as long as a whole answer; every value that the scanner compares is short. So only the
//! first [`KEPT_BYTES`] are kept, with a note whether there were more.

/// How much of a line is kept. The longest line that is compared is `event: response.incomplete`.
pub(super) const KEPT_BYTES: usize = 64;

/// One line, as far as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Line {
    kept: [u8; KEPT_BYTES],
    len: usize,
    cut: bool,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { kept: [0; KEPT_BYTES], len: 0, cut: false }
    }

    /// Adds a piece of the line, without its end.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let space = self.kept.get_mut(self.len..).unwrap_or_default();
        let taken = space.len().min(piece.len());
        for (to, from) in space.iter_mut().zip(piece) {
            *to = *from;
        }
        self.len += taken;
        self.cut |= taken < piece.len();
    }

    /// Forgets the line.
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.cut = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The beginning of the line.
    pub(super) fn bytes(&self) -> &[u8] {
        self.kept.get(..self.len).unwrap_or_default()
    }

    /// The line was longer than what is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }
}
