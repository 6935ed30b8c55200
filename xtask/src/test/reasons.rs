//! Why tests failed: collected from what libtest prints, to be said once more where a run ends, below logs of any length.

use std::fmt;
use std::mem;

const MOST_LINES: usize = 4;
const MOST_CHARS: usize = 600;

/// The reasons of the tests that failed.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    found: Vec<Reason>,
    reads: Reads,
}

/// The first panic in what a test has printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reason {
    test: String,
    /// A file with line and column; the message.
    lines: Vec<String>,
}

/// What the next line may be.
#[derive(Debug, Default)]
enum Reads {
    #[default]
    Anything,
    OutputOf(String),
    Message(Reason),
}

impl Reasons {
    /// Takes in one line of output.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(test) = header(line) {
            self.end();
            self.reads = Reads::OutputOf(test.to_owned());
            return;
        }
        match mem::take(&mut self.reads) {
            Reads::Anything => {}
            Reads::OutputOf(test) => {
                self.reads = match line.split_once(" panicked at ") {
                    Some((_, place)) => Reads::Message(Reason { test, lines: vec![place.to_owned()] }),
                    None => Reads::OutputOf(test),
                };
            }
            Reads::Message(mut reason) => {
                let ends =
                    line.is_empty() || line.starts_with("stack backtrace:") || line.starts_with("note: ");
                if !ends {
                    reason.lines.push(line.chars().take(MOST_CHARS).collect());
                }
                if ends || reason.lines.len() > MOST_LINES {
                    self.found.push(reason);
                } else {
                    self.reads = Reads::Message(reason);
                }
            }
        }
    }

    /// What was found, when there is no more output.
    pub(super) fn into_found(mut self) -> Vec<Reason> {
        self.end();
        self.found
    }

    fn end(&mut self) {
        if let Reads::Message(reason) = mem::take(&mut self.reads) {
            self.found.push(reason);
        }
    }
}

/// `---- cache::hits::one_envoy_worker stdout ----`.
fn header(line: &str) -> Option<&str> {
    let (test, _) = line.strip_prefix("---- ")?.strip_suffix(" ----")?.rsplit_once(' ')?;
    Some(test)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.test, self.lines.join(" | "))
    }
}

#[cfg(test)]
mod tests {
    use super::Reasons;

    fn found_in(text: &str) -> Vec<String> {
        let mut reasons = Reasons::default();
        text.lines().for_each(|line| reasons.read(line));
        reasons.into_found().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_panic_of_each_failed_test_is_kept() {
        let text = "
test cache::two ... FAILED

---- cache::two stdout ----
a log line

thread 'cache::two' (17) panicked at tests/two.rs:5:9:
assertion `left == right` failed: hits
  left: 1
 right: 2
stack backtrace:
   0: begin_unwind
thread 'other' panicked at tests/two.rs:9:9:
while it cleaned up

---- cache::three stdout ----

thread 'cache::three' panicked at tests/three.rs:7:1:
gone
";
        let two =
            "cache::two: tests/two.rs:5:9: | assertion `left == right` failed: hits |   left: 1 |  right: 2";
        assert_eq!(found_in(text), [two, "cache::three: tests/three.rs:7:1: | gone"]);
    }

    #[test]
    fn without_a_header_there_is_no_reason() {
        let text = "thread 'a' panicked at src/a.rs:1:1:\nexpected by a test\n\n---- a b\n---- stdout";
        assert_eq!(found_in(text), [""; 0]);
    }
}
