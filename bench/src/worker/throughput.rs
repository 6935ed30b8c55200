//! Tokens a second of one stream and of several.

use std::time::Duration;

use anyhow::Result;

use super::asked::{Answered, Prompts, Request};
use super::measured::{Measured, Row};
use crate::bar::{self, Bar};
use crate::figures::median;
use crate::table::Table;

/// Streams at the same time.
pub(super) const STREAMS: [usize; 3] = [1, 8, 16];
/// How many times as much as one so many are to bring.
const WANTED: [f64; 3] = [1.0, 2.0, 3.0];
const PROMPT_WORDS: usize = 20;

/// Tokens a second by round, for each of [`STREAMS`].
pub(super) type Rates = [Vec<f64>; 3];

/// So many streams at the same time, each with an answer of so many tokens.
pub(super) fn requests(prompts: &mut Prompts, streams: usize, tokens: u32) -> Vec<Request> {
    let request = |_| Request { prompt: prompts.next(PROMPT_WORDS), tokens, after: Duration::ZERO };
    (0..streams).map(request).collect()
}

/// Tokens a second, the reading of the prompts included in the time.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn rate(answered: &Answered) -> f64 {
    let tokens: u64 = answered.answers.iter().map(|answer| answer.tokens).sum();
    tokens as f64 / answered.elapsed.as_secs_f64()
}

pub(super) fn report(measured: &Measured) -> Result<()> {
    let mut table = Table::new(
        "Tokens a second, prompts included in the time; medians",
        &["the other cores", "engine", "1 stream", "8 streams", "16 streams", "8 ÷ 1", "16 ÷ 1"],
    );
    let mut bars = Vec::new();
    for Row { when, engine, is_ours, figures } in measured.rows() {
        let begin = [when.to_owned(), engine.to_owned()];
        let figures = match figures {
            Ok(figures) => figures,
            Err(why) => {
                table.row(begin.into_iter().chain([why.to_owned()]));
                continue;
            }
        };
        let [one, eight, sixteen] = figures.rates.each_ref().map(|rates| median(rates).unwrap_or_default());
        let ratio = |many: f64| many / one.max(f64::MIN_POSITIVE);
        let rates = [one, eight, sixteen].map(|rate| format!("{rate:.0}"));
        let ratios = [eight, sixteen].map(|many| format!("{:.2}", ratio(many)));
        table.row(begin.into_iter().chain(rates).chain(ratios));
        if is_ours {
            let many = [one, eight, sixteen].into_iter().zip(STREAMS.iter().zip(WANTED)).skip(1);
            bars.extend(many.map(|(many, (streams, wanted))| {
                let what = format!("{when}: tokens a second of {streams} streams ÷ of one");
                Bar::at_least(wanted, what, Some(ratio(many)))
            }));
        }
    }
    table.publish("worker-throughput")?;
    bar::print(&bars);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::asked::Answer;
    use super::*;

    #[test]
    fn the_rate_is_of_all_tokens() {
        let answer = Answer::new(3, 30, &[]);
        let answered =
            Answered { answers: vec![answer.clone(), answer], elapsed: Duration::from_millis(500) };
        assert!((rate(&answered) - 120.0).abs() < 1e-9);
    }
}
