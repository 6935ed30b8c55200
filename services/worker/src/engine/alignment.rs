//! Which tokens a piece of text is made of.
//!
//! Text comes later than its tokens: a character can take several of them, and text that could begin a stop string is held
//! back. A token goes with the first of its text that is sent; one whose text never comes, because it stands for none or
//! only began a character, goes with the text after it, or with the end.

use spillway_inference::response::TokenLogprobs;
use std::collections::VecDeque;

/// The tokens of one answer whose text was not sent yet.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    /// Each with where its text begins, in bytes.
    waiting: VecDeque<(usize, TokenLogprobs)>,
    /// How long the text is that was made, in bytes.
    made: usize,
    /// And in characters.
    made_chars: usize,
    /// How much of it was sent, in bytes.
    sent: usize,
}

impl Alignment {
    /// A token came and completed this text.
    pub(super) fn made(&mut self, text: &str, token: TokenLogprobs) {
        self.waiting.push_back((self.made, TokenLogprobs { text_offset: self.made_chars, ..token }));
        self.made += text.len();
        self.made_chars += text.chars().count();
    }

    /// The next text is sent: the tokens that go with it.
    pub(super) fn sent(&mut self, text: &str) -> Vec<TokenLogprobs> {
        self.sent += text.len();
        let goes = self.waiting.iter().take_while(|(begin, _)| *begin < self.sent).count();
        self.waiting.drain(..goes).map(|(_, token)| token).collect()
    }

    /// The last text is sent, and nothing was cut off: the tokens that are left.
    pub(super) fn rest(&mut self) -> Vec<TokenLogprobs> {
        self.waiting.drain(..).map(|(_, token)| token).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Alignment;
    use spillway_inference::response::{Candidate, Token, TokenLogprobs};

    fn token(name: &str) -> TokenLogprobs {
        let token = Candidate { token: Token::Control(name.to_owned()), logprob: 0.0 };
        TokenLogprobs { token, top: Vec::new(), text_offset: 0 }
    }

    /// Each token by its name and where it stands.
    fn names(tokens: Vec<TokenLogprobs>) -> Vec<(String, usize)> {
        let name = |place: TokenLogprobs| match place.token.token {
            Token::Control(name) => (name, place.text_offset),
            Token::Text(bytes) => panic!("{bytes:?}"),
        };
        tokens.into_iter().map(name).collect()
    }

    #[track_caller]
    fn check(tokens: Vec<TokenLogprobs>, expected: &[(&str, usize)]) {
        let expected: Vec<_> = expected.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        assert_eq!(names(tokens), expected);
    }

    #[test]
    fn tokens_go_with_the_text_that_they_begin() {
        let mut alignment = Alignment::default();
        alignment.made("a", token("a"));
        check(alignment.sent("a"), &[("a", 0)]);
        alignment.made("", token("first of é"));
        check(alignment.sent(""), &[]);
        alignment.made("é", token("second of é"));
        check(alignment.sent("é"), &[("first of é", 1), ("second of é", 1)]);
        alignment.made("x EN", token("x EN"));
        check(alignment.sent("x "), &[("x EN", 2)]);
        alignment.made("D", token("D"));
        check(alignment.sent(""), &[]);
        check(alignment.sent("E"), &[]);
        check(alignment.sent("ND"), &[("D", 6)]);
        alignment.made("", token("nothing"));
        check(alignment.rest(), &[("nothing", 7)]);
        check(alignment.rest(), &[]);
    }
}
