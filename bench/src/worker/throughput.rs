//! Tokens a second of one stream and of several.

use std::time::Instant;

use anyhow::Result;
use spillway_harness::Client;

use super::stream::ask;
use crate::bar::{self, Bar};
use crate::figures::median;
use crate::table::Table;

/// Streams at the same time.
pub(super) const STREAMS: [u32; 3] = [1, 8, 16];
/// How many times as much as one so many are to bring.
const WANTED: [f64; 3] = [1.0, 2.0, 3.0];
const PROMPT_WORDS: usize = 20;

/// Tokens a second by round, for each of [`STREAMS`].
pub(super) type Rates = [Vec<f64>; 3];

/// So many streams at the same time, each with an answer of so many tokens: tokens a second.
pub(super) async fn rate(client: &Client, streams: u32, tokens: u32) -> Result<f64> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..streams)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client, tokens, PROMPT_WORDS).await })
        })
        .collect();
    let mut generated = 0;
    for task in tasks {
        generated += task.await??.tokens;
    }
    Ok(generated as f64 / begun.elapsed().as_secs_f64())
}

pub(super) fn report(measured: &[(&str, &Rates)]) -> Result<()> {
    let mut table = Table::new(
        "Tokens a second, prompts included in the time; medians",
        &["the other cores", "1 stream", "8 streams", "16 streams", "8 ÷ 1", "16 ÷ 1"],
    );
    let mut bars = Vec::new();
    for (when, rates) in measured {
        let [one, eight, sixteen] = rates.each_ref().map(|rates| median(rates).unwrap_or_default());
        let ratio = |many: f64| many / one.max(f64::MIN_POSITIVE);
        table.row([
            (*when).to_owned(),
            format!("{one:.0}"),
            format!("{eight:.0}"),
            format!("{sixteen:.0}"),
            format!("{:.2}", ratio(eight)),
            format!("{:.2}", ratio(sixteen)),
        ]);
        for (many, (streams, wanted)) in [one, eight, sixteen].iter().zip(STREAMS.iter().zip(WANTED)).skip(1)
        {
            let what = format!("{when}: tokens a second of {streams} streams ÷ of one");
            bars.push(Bar::at_least(wanted, what, Some(ratio(*many))));
        }
    }
    table.publish("worker-throughput")?;
    bar::print(&bars);
    Ok(())
}
