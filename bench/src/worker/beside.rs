//! Each figure of ours beside llama.cpp's of the same round.

use std::path::Path;

use anyhow::Result;

use super::measured::{CONDITIONS, Figures, Measured};
use crate::bar::{self, Bar};
use crate::figures::{figures, median};
use crate::table::Table;

/// Of llama.cpp's figures ours are to be at least this.
const WANTED: f64 = 0.7;

/// One of the figures.
struct Figure {
    name: &'static str,
    of: fn(&Figures) -> &[f64],
    /// A time, of which less is better.
    is_time: bool,
}

const FIGURES: [Figure; 7] = [
    Figure {
        name: "tokens a second, 1 stream",
        of: |Figures { rates: [one, _, _], .. }| one,
        is_time: false,
    },
    Figure {
        name: "tokens a second, 8 streams",
        of: |Figures { rates: [_, eight, _], .. }| eight,
        is_time: false,
    },
    Figure {
        name: "tokens a second, 16 streams",
        of: |Figures { rates: [_, _, sixteen], .. }| sixteen,
        is_time: false,
    },
    Figure { name: "first token alone, ms", of: |figures| &figures.times.alone, is_time: true },
    Figure { name: "first token among others, ms", of: |figures| &figures.times.among, is_time: true },
    Figure { name: "gap of the others, ms", of: |figures| &figures.times.gap, is_time: true },
    Figure { name: "their longest gap, ms", of: |figures| &figures.times.longest, is_time: true },
];

/// What differs between the two beside the engine.
fn differences(another_file: Option<&Path>) -> String {
    let file = another_file.map_or_else(
        || "the worker's file, weights as they are in it (Q4_1)".to_owned(),
        |file| format!("weights as in {}", file.display()),
    );
    format!(
        "Both: the same prompts and lengths, greedy, one thread that computes, in turn. Ours: through HTTP, what is generated \
         as text, weights requantised to Q8_0, 16 tokens of prompts beside answers. llama.cpp: {file}, without HTTP and \
         text, n_batch 2048 and n_ubatch 512 as in its server, built for this processor, without OpenMP"
    )
}

/// The table and the bars; llama.cpp may have been given another file than ours.
pub(super) fn report(measured: &Measured, another_file: Option<&Path>) -> Result<()> {
    let title = format!(
        "Ours beside llama.cpp: median (quartiles) of the rounds; as fast: tokens ours ÷ theirs, times theirs ÷ ours, round \
         by round\n\n{}",
        differences(another_file)
    );
    let mut table = Table::new(title, &["the other cores", "figure", "Spillway", "llama.cpp", "as fast"]);
    let mut bars = Vec::new();
    for (when, of) in CONDITIONS {
        for figure in FIGURES {
            let ours = (figure.of)(of(&measured.ours));
            let (shown, ratios) = match &measured.llama_cpp {
                Ok(theirs) => {
                    let theirs = (figure.of)(of(theirs));
                    (figures(theirs, 0), ratios(ours, theirs, figure.is_time))
                }
                Err(why) => (why.clone(), Vec::new()),
            };
            table.row([
                when.to_owned(),
                figure.name.to_owned(),
                figures(ours, 0),
                shown,
                figures(&ratios, 2),
            ]);
            let what = format!("{when}: as fast as llama.cpp, {}", figure.name);
            bars.push(Bar::at_least(WANTED, what, median(&ratios)));
        }
    }
    table.publish("worker-beside-llama-cpp")?;
    bar::print(&bars);
    Ok(())
}

/// How many times as fast, round by round.
fn ratios(ours: &[f64], theirs: &[f64], are_times: bool) -> Vec<f64> {
    let ratio = |(ours, theirs): (&f64, &f64)| if are_times { theirs / ours } else { ours / theirs };
    ours.iter().zip(theirs).map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::super::joining::Times;
    use super::*;

    #[test]
    fn another_file_is_named() {
        assert!(
            differences(None)
                .contains("llama.cpp: the worker's file, weights as they are in it (Q4_1), without")
        );
        assert!(
            differences(Some(Path::new("q8.gguf"))).contains("llama.cpp: weights as in q8.gguf, without")
        );
    }

    #[test]
    fn more_is_faster_whatever_is_measured() {
        assert_eq!(ratios(&[30.0, 10.0], &[20.0, 20.0], false), [1.5, 0.5]);
        assert_eq!(ratios(&[30.0, 10.0], &[15.0, 20.0], true), [0.5, 2.0]);
    }

    #[test]
    fn each_figure_is_another_one() {
        let times = Times { alone: vec![3.0], among: vec![4.0], gap: vec![5.0], longest: vec![6.0] };
        let figures = Figures { rates: [vec![0.0], vec![1.0], vec![2.0]], times };
        let found: Vec<f64> = FIGURES.iter().flat_map(|figure| (figure.of)(&figures).to_vec()).collect();
        assert_eq!(found, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
