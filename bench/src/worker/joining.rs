//! A request with a long prompt that comes while others are answered: how long it waits for its first token, and how long
//! the others wait for a token meanwhile.

use std::time::Duration;

use anyhow::Result;
use spillway_harness::Client;

use super::stream::ask;
use crate::bar::{self, Bar};
use crate::figures::{median, millis};
use crate::table::Table;

const OTHERS: usize = 7;
const LONG_PROMPT_WORDS: usize = 250;
const SHORT_PROMPT_WORDS: usize = 20;

/// Times of one round, in milliseconds.
#[derive(Default)]
pub(super) struct Times {
    /// Until the first token, alone.
    alone: Vec<f64>,
    /// The same among others.
    among: Vec<f64>,
    /// The median of the others' gaps between tokens.
    gap: Vec<f64>,
    /// The longest of them.
    longest: Vec<f64>,
}

impl Times {
    /// One more round.
    pub(super) async fn measure(&mut self, client: &Client, tokens: u32) -> Result<()> {
        let alone = ask(client, 2, LONG_PROMPT_WORDS).await?;
        let others: Vec<_> = (0..OTHERS)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { ask(&client, 2 * tokens, SHORT_PROMPT_WORDS).await })
            })
            .collect();
        // Until all of them are answered.
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        let among = ask(client, 2, LONG_PROMPT_WORDS).await?;
        let mut gaps = Vec::new();
        for other in others {
            gaps.extend(other.await??.gaps.into_iter().map(millis));
        }
        self.alone.push(millis(alone.first));
        self.among.push(millis(among.first));
        self.longest.push(gaps.iter().copied().fold(0.0, f64::max));
        self.gap.push(median(&gaps).unwrap_or_default());
        Ok(())
    }
}

pub(super) fn report(measured: &[(&str, &Times)]) -> Result<()> {
    let mut table = Table::new(
        format!(
            "A prompt of {LONG_PROMPT_WORDS} words beside {OTHERS} answers that are generated; ms, medians"
        ),
        &[
            "the other cores",
            "first token alone",
            "among the others",
            "their gap between tokens",
            "the longest",
        ],
    );
    let mut bars = Vec::new();
    for (when, times) in measured {
        let Times { alone, among, gap, longest } = times;
        let [alone, among, gap, longest] =
            [alone, among, gap, longest].map(|times| median(times).unwrap_or_default());
        table.row([
            (*when).to_owned(),
            format!("{alone:.0}"),
            format!("{among:.0}"),
            format!("{gap:.0}"),
            format!("{longest:.0}"),
        ]);
        let first = format!("{when}: first token among others ÷ alone");
        bars.push(Bar::at_most(3.0, first, Some(among / alone.max(f64::MIN_POSITIVE))));
        let longest_gap = format!("{when}: longest gap between tokens of the others ÷ their median");
        bars.push(Bar::at_most(3.0, longest_gap, Some(longest / gap.max(f64::MIN_POSITIVE))));
    }
    table.publish("worker-joining")?;
    bar::print(&bars);
    Ok(())
}
