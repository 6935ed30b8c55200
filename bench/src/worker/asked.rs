//! What an engine is asked, and when the pieces of its answers came.

use std::time::Duration;

/// One request of those that an engine is given together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) prompt: String,
    /// Tokens of the answer.
    pub(super) tokens: u32,
    /// When it comes, counted from the first.
    pub(super) after: Duration,
}

/// When one answer came, counted from when its request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) prompt_tokens: u64,
    pub(super) tokens: u64,
    pub(super) first: Duration,
    /// Between one piece and the next.
    pub(super) gaps: Vec<Duration>,
}

/// The answers to requests, in their order.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) answers: Vec<Answer>,
    /// Until the last token of all.
    pub(super) elapsed: Duration,
}

impl Answer {
    /// From when its pieces came.
    pub(super) fn new(prompt_tokens: u64, tokens: u64, came: &[Duration]) -> Self {
        let gaps = came.iter().zip(came.iter().skip(1)).map(|(before, after)| *after - *before);
        Self { prompt_tokens, tokens, first: came.first().copied().unwrap_or_default(), gaps: gaps.collect() }
    }
}

/// Prompts that nobody has asked before: each begins with another number, so that of what was asked before an engine does
/// not know the beginning. They say the same again and again and so does the model, greedily, without an end: an answer is
/// as long as was asked for.
#[derive(Debug, Default)]
pub(super) struct Prompts {
    made: u64,
}

impl Prompts {
    /// One of about so many words.
    pub(super) fn next(&mut self, words: usize) -> String {
        const WORDS: [&str; 10] =
            ["the", "village", "by", "a", "sea", "where", "people", "told", "long", "stories"];
        let number = self.made;
        self.made += 1;
        let text: Vec<_> = WORDS.iter().copied().cycle().take(words).collect();
        format!("{number} {}", text.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_between_pieces() {
        let came = [10, 15, 35].map(Duration::from_millis);
        let answer = Answer::new(7, 3, &came);
        assert_eq!((answer.prompt_tokens, answer.tokens, answer.first), (7, 3, came[0]));
        assert_eq!(answer.gaps, [5, 20].map(Duration::from_millis));
        assert_eq!(Answer::new(7, 0, &[]).gaps, []);
    }

    #[test]
    fn no_prompt_is_made_twice() {
        let mut prompts = Prompts::default();
        assert_eq!(prompts.next(3), "0 the village by");
        assert_eq!(prompts.next(3), "1 the village by");
    }
}
