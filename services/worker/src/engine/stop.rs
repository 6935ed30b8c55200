//! Stop strings across the borders of tokens.
//!
//! Text is held back while it could be the beginning of a stop string, and no longer.

/// Looks for stop strings in a text that comes in pieces.
#[derive(Debug)]
pub(super) struct StopStrings {
    stops: Vec<String>,
    held: String,
}

/// What a piece gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// This text can be sent, which may be empty.
    On(String),
    /// A stop string came; this text stood before it.
    Stopped(String),
}

impl StopStrings {
    /// `stops` holds no empty string.
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new() }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &str) -> Passed {
        if self.stops.is_empty() {
            return Passed::On(piece.to_owned());
        }
        self.held.push_str(piece);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return Passed::Stopped(self.rest());
        }
        let keep_from = self.beginning_of_a_stop();
        let kept = self.held.split_off(keep_from);
        Passed::On(std::mem::replace(&mut self.held, kept))
    }

    /// The text is over: what was held back.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the longest end of the text begins that a stop string begins with.
    fn beginning_of_a_stop(&self) -> usize {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest.saturating_sub(1));
        (from..self.held.len())
            .filter_map(|at| self.held.get(at..).map(|end| (at, end)))
            .find(|(_, end)| self.stops.iter().any(|stop| stop.starts_with(end)))
            .map_or(self.held.len(), |(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Passed, StopStrings};

    /// What the pieces give: the texts that pass, and whether a stop string ended them.
    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let mut matcher = StopStrings::new(stops.iter().map(|&s| s.to_owned()).collect());
        let mut out = Vec::new();
        for piece in pieces {
            match matcher.push(piece) {
                Passed::On(text) => out.push(text),
                Passed::Stopped(text) => {
                    out.push(text);
                    return (out, true);
                }
            }
        }
        out.push(matcher.rest());
        (out, false)
    }

    #[track_caller]
    fn check(stops: &[&str], pieces: &[&str], texts: &[&str], stopped: bool) {
        let texts = texts.iter().map(|&t| t.to_owned()).collect();
        assert_eq!(run(stops, pieces), (texts, stopped), "{stops:?} in {pieces:?}");
    }

    #[test]
    fn stops() {
        check(&[], &["a", "b"], &["a", "b", ""], false);
        check(&["END"], &["one END two"], &["one "], true);
        check(&["END"], &["one E", "N", "D two"], &["one ", "", ""], true);
        check(&["END"], &["one E", "x"], &["one ", "Ex", ""], false);
        check(&["END"], &["EN"], &["", "EN"], false);
        check(&["END", "two"], &["one two END"], &["one "], true);
        check(&["aab"], &["a", "a", "a", "b"], &["", "", "a", ""], true);
        check(&["é!"], &["caf", "é", "!x"], &["caf", "", ""], true);
        check(&["\n\n"], &["a\n", "b\n", "\n"], &["a", "\nb", ""], true);
    }
}
