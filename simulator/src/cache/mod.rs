//! Which entries a cache keeps: the index of the response cache beside other policies, on the same requests.
//!
//! The response cache is many small sets (`spillway_caching::shelf`), because a set is what Envoy workers change
//! at once. A set knows only its own entries, so it may let go of one that the cache as a whole would have kept. Here is
//! what that costs. No Envoy, no time: a request either finds its entry or puts it in.

mod policy;
mod trace;

use anyhow::Result;

pub use policy::Kind;
use trace::{SIZES, Trace};

use crate::report;

/// Its name among the scenarios.
pub const NAME: &str = "cache";

/// How many entries of the mean size the caches hold, of about 100,000 that are asked for again.
const ENTRIES: [u32; 3] = [1_024, 4_096, 16_384];
/// The first part of the requests fills the caches and is not counted: one in so many.
const WARM_UP: usize = 4;

/// A comparison before it is run.
#[derive(Clone, Copy, Debug)]
pub struct Study {
    seed: u64,
    requests: usize,
}

/// How all policies did with one trace and one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What the trace is.
    pub trace: &'static str,
    /// How many entries of the mean size the caches hold.
    pub entries: u32,
    /// The share of requests that found their entry, in the order of [`Kind::ALL`].
    pub hits: [f64; Kind::ALL.len()],
}

impl Study {
    /// With this seed, over so many requests of each trace.
    #[must_use]
    pub const fn new(seed: u64, requests: usize) -> Self {
        Self { seed, requests }
    }

    /// Requests of all its runs.
    #[must_use]
    pub const fn work(&self) -> u64 {
        (SIZES.len() * ENTRIES.len() * Kind::ALL.len() * self.requests) as u64
    }

    /// Runs every policy. `progress` is told what runs, and how much of [`Self::work`] is done.
    pub fn run(&self, mut progress: impl FnMut(&str, u64)) -> Vec<Row> {
        let mut rows = Vec::new();
        for (name, sizes) in SIZES {
            let trace = Trace::new(self.seed, self.requests, sizes);
            for entries in ENTRIES {
                let hits = Kind::ALL.map(|kind| {
                    progress(&format!("{NAME}: {name}, {entries} entries, {}", kind.as_str()), 0);
                    let share = run(kind, &trace, entries);
                    progress("", self.requests as u64);
                    share
                });
                rows.push(Row { trace: name, entries, hits });
            }
        }
        rows
    }
}

impl Row {
    /// The share of hits of one policy.
    #[must_use]
    pub fn of(&self, kind: Kind) -> f64 {
        let at = Kind::ALL.iter().position(|other| *other == kind);
        at.map_or(0.0, |at| self.hits[at])
    }

    /// How far the index, with as many ways as are advised, is behind the best of the other policies; less than zero
    /// where it is ahead.
    #[must_use]
    pub fn behind(&self) -> f64 {
        let others = Kind::ALL.into_iter().filter(|kind| !kind.is_ours());
        others.map(|kind| self.of(kind)).fold(0.0, f64::max) - self.of(Kind::SHIPPED)
    }
}

/// The table, as Markdown.
#[must_use]
pub fn render(rows: &[Row]) -> String {
    let mut lines = vec![vec!["trace".to_owned(), "entries".to_owned()]];
    lines[0].extend(Kind::ALL.map(|kind| kind.as_str().to_owned()));
    lines[0].push("behind the best".to_owned());
    let mut last = None;
    for row in rows {
        let name = if last.replace(row.trace) == Some(row.trace) { "" } else { row.trace };
        let mut line = vec![name.to_owned(), row.entries.to_string()];
        line.extend(row.hits.map(|share| format!("{:.2} %", share * 100.0)));
        line.push(format!("{:.2} pp", row.behind() * 100.0));
        lines.push(line);
    }
    let about = "Requests by Zipf's law (0.9) over 100,000 keys, broken by scans of keys that never come again. The \
                 share of requests that find their entry, once the caches are full.";
    format!("# {NAME}\n\n{about}\n\n{}", report::aligned(&lines))
}

/// The picture: a line for each policy over the sizes of the cache.
///
/// # Errors
///
/// When the drawing library refuses the picture.
pub fn draw(rows: &[Row]) -> Result<String> {
    let (trace, _) = SIZES[0];
    let rows: Vec<&Row> = rows.iter().filter(|row| row.trace == trace).collect();
    let lines = Kind::ALL.map(|kind| {
        let points = rows.iter().map(|row| (f64::from(row.entries), row.of(kind))).collect();
        (kind.as_str(), points)
    });
    report::chart(&format!("{NAME}: {trace}, share of hits"), "entries", &lines)
}

fn run(kind: Kind, trace: &Trace, entries: u32) -> f64 {
    let mut cache = kind.cache(trace, entries);
    let counted = trace.requests.len() / WARM_UP;
    let mut hits = 0_usize;
    for (number, key) in trace.requests.iter().enumerate() {
        let hit = cache.request(*key, trace.sizes[*key as usize]);
        hits += usize::from(hit && number >= counted);
    }
    hits as f64 / (trace.requests.len() - counted).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bar: within two percentage points of the best, with sizes of both kinds.
    #[test]
    fn sets_cost_less_than_two_percentage_points() {
        for (name, sizes) in SIZES {
            let trace = Trace::new(2, 60_000, sizes);
            let is_compared = |kind: Kind| !kind.is_ours() || kind == Kind::SHIPPED;
            let hits = Kind::ALL.map(|kind| if is_compared(kind) { run(kind, &trace, 1_024) } else { 0.0 });
            let row = Row { trace: name, entries: 1_024, hits };
            assert!(row.behind() < 0.02, "{row:?}");
            assert!(row.of(Kind::SHIPPED) > row.of(Kind::Lru) + 0.03, "scans have emptied it: {row:?}");
        }
    }

    #[test]
    fn there_is_a_table_and_a_picture_and_the_same_seed_gives_the_same() {
        let study = Study::new(1, 2_000);
        let mut done = 0;
        let rows = study.run(|_, more| done += more);
        assert_eq!(done, study.work());
        let table = render(&rows);
        assert_eq!(table.lines().filter(|line| line.starts_with('|')).count(), rows.len() + 2, "{table}");
        assert_eq!(rows, study.run(|_, _| {}));
        let picture = draw(&rows).unwrap();
        assert!(picture.starts_with("<svg") && picture.contains("w-tinylfu"), "{picture}");
    }
}
