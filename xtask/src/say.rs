//! What xtask tells the person who runs it.
//!
//! A reader that goes away (`cargo xtask up | head`) ends the text, not the program: `println!` would panic there.

use std::fmt::Display;
use std::io::{self, Write};

/// One line on standard output.
#[cfg(not(test))]
pub(crate) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// In tests libtest keeps what is printed, so that a line that looks like a result is not counted as one.
#[cfg(test)]
#[allow(clippy::print_stdout, reason = "only this macro's output is kept by libtest")]
pub(crate) fn line(text: impl Display) {
    println!("{text}");
}

/// One step of a longer job: who, about what, and what became of it.
pub(crate) fn step(job: &str, what: &str, outcome: impl Display) {
    line(format_args!("{job:>7}  {what:<18} {outcome}"));
}

/// An error with its causes, on standard error.
pub(crate) fn error(error: &anyhow::Error) {
    drop(writeln!(io::stderr().lock(), "error: {error:#}"));
}

/// Bytes as a person reads them.
pub(crate) fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        0..KIB => format!("{bytes} B"),
        _ if bytes < KIB * KIB => format!("{} KiB", bytes.div_ceil(KIB)),
        _ => format!("{}.{} MiB", bytes / KIB / KIB, bytes / KIB % KIB * 10 / KIB),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_read_naturally() {
        assert_eq!(size(12), "12 B");
        assert_eq!(size(2048), "2 KiB");
        assert_eq!(size(98_362_432), "93.8 MiB");
    }
}
