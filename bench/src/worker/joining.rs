//! A request with a long prompt that comes while others are answered: how long it waits for its first token, and how long
//! the others wait for a token meanwhile.

use std::time::Duration;

use anyhow::{Context, Result};

use super::asked::{Answered, Prompts, Request};
use super::measured::{Measured, Row};
use crate::bar::{self, Bar};
use crate::figures::{median, millis};
use crate::table::Table;

const OTHERS: usize = 7;
/// A word is a token.
pub(super) const LONG_PROMPT_WORDS: usize = 250;
const SHORT_PROMPT_WORDS: usize = 20;
/// Until all the others are answered.
const LATER: Duration = Duration::from_millis(1_000);

/// Times by round, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Until the first token, alone.
    pub(super) alone: Vec<f64>,
    /// The same among others.
    pub(super) among: Vec<f64>,
    /// The median of the others' gaps between tokens.
    pub(super) gap: Vec<f64>,
    /// The longest of them.
    pub(super) longest: Vec<f64>,
}

/// The long prompt by itself.
pub(super) fn alone(prompts: &mut Prompts) -> Vec<Request> {
    vec![long(prompts, Duration::ZERO)]
}

/// The others, whose answers are twice so many tokens, and the long prompt later.
pub(super) fn among(prompts: &mut Prompts, tokens: u32) -> Vec<Request> {
    let mut other = || prompts.next(SHORT_PROMPT_WORDS);
    let others: Vec<_> = (0..OTHERS).map(|_| other()).collect();
    let other = |prompt| Request { prompt, tokens: 2 * tokens, after: Duration::ZERO };
    others.into_iter().map(other).chain([long(prompts, LATER)]).collect()
}

fn long(prompts: &mut Prompts, after: Duration) -> Request {
    Request { prompt: prompts.next(LONG_PROMPT_WORDS), tokens: 2, after }
}

impl Times {
    /// What came of [`alone`].
    pub(super) fn add_alone(&mut self, answered: &Answered) -> Result<()> {
        let only = answered.answers.first().context("no answer")?;
        self.alone.push(millis(only.first));
        Ok(())
    }

    /// What came of [`among`].
    pub(super) fn add_among(&mut self, answered: &Answered) -> Result<()> {
        let (joined, others) = answered.answers.split_last().context("no answer")?;
        let gaps: Vec<f64> = others.iter().flat_map(|other| &other.gaps).copied().map(millis).collect();
        self.among.push(millis(joined.first));
        self.longest.push(gaps.iter().copied().fold(0.0, f64::max));
        self.gap.push(median(&gaps).unwrap_or_default());
        Ok(())
    }
}

pub(super) fn report(measured: &Measured) -> Result<()> {
    let mut table = Table::new(
        format!(
            "A prompt of {LONG_PROMPT_WORDS} words beside {OTHERS} answers that are generated; ms, medians"
        ),
        &[
            "the other cores",
            "engine",
            "first token alone",
            "among the others",
            "their gap between tokens",
            "the longest",
        ],
    );
    let mut bars = Vec::new();
    for Row { when, engine, is_ours, figures } in measured.rows() {
        let begin = [when.to_owned(), engine.to_owned()];
        let Times { alone, among, gap, longest } = match figures {
            Ok(figures) => &figures.times,
            Err(why) => {
                table.row(begin.into_iter().chain([why.to_owned()]));
                continue;
            }
        };
        let [alone, among, gap, longest] =
            [alone, among, gap, longest].map(|times| median(times).unwrap_or_default());
        table.row(begin.into_iter().chain([alone, among, gap, longest].map(|time| format!("{time:.0}"))));
        if is_ours {
            let first = format!("{when}: first token among others ÷ alone");
            bars.push(Bar::at_most(3.0, first, Some(among / alone.max(f64::MIN_POSITIVE))));
            let what = format!("{when}: longest gap between tokens of the others ÷ their median");
            bars.push(Bar::at_most(3.0, what, Some(longest / gap.max(f64::MIN_POSITIVE))));
        }
    }
    table.publish("worker-joining")?;
    bar::print(&bars);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::asked::Answer;
    use super::*;

    #[test]
    fn the_last_one_joins_and_the_others_have_gaps() {
        let asked = among(&mut Prompts::default(), 100);
        assert_eq!(asked.len(), OTHERS + 1);
        assert!(asked.iter().rev().skip(1).all(|other| other.after < LATER && other.tokens == 200));
        assert_eq!(asked.last().map(|last| (last.after, last.tokens)), Some((LATER, 2)));

        let answer = |came: &[u64]| {
            Answer::new(1, 1, &came.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>())
        };
        let answers = vec![answer(&[5, 15, 25]), answer(&[5, 35]), answer(&[400, 900])];
        let mut times = Times::default();
        times.add_among(&Answered { answers, elapsed: Duration::ZERO }).unwrap();
        assert_eq!((times.among, times.gap, times.longest), (vec![400.0], vec![10.0], vec![30.0]));
    }
}
