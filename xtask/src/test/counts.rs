//! Counting tests from what libtest prints, which doc tests and the wasm32 runner print too.

use super::reasons::Reasons;

/// How many tests went how.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) reasons: Reasons,
}

impl Counts {
    /// Takes in one line of output: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(super) fn read(&mut self, line: &str) {
        self.reasons.read(line);
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        let Some((_, parts)) = result.split_once(". ") else { return };
        for part in parts.split(';') {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn results_add_up_and_other_lines_do_not_count() {
        let mut counts = Counts::default();
        for line in [
            "running 4 tests",
            "test a::b ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.52s",
            "  test result: ok. 5 passed; 0 failed; 0 ignored; 0 filtered out",
            "the test result: ok. 100 passed; 100 failed",
            "test result: nonsense",
            "",
        ] {
            counts.read(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.skipped), (18, 2, 1));
    }
}
