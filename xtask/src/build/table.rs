//! The sizes, before and after.

use crate::layout::Layout;
use crate::say;
use anyhow::{Context, Result};
use std::path::Path;

/// One module.
#[derive(Debug)]
pub(super) struct Row {
    file: String,
    linked: u64,
    finished: u64,
}

impl Row {
    pub(super) fn new(layout: &Layout, linked: &Path, finished: &Path) -> Result<Self> {
        let size = |file: &Path| {
            file.metadata().map(|data| data.len()).with_context(|| format!("{} is missing", file.display()))
        };
        let below = finished.strip_prefix(layout.root()).unwrap_or(finished);
        Ok(Self { file: below.display().to_string(), linked: size(linked)?, finished: size(finished)? })
    }

    fn saved_percent(&self) -> u64 {
        self.linked.saturating_sub(self.finished) * 100 / self.linked.max(1)
    }
}

/// One line per module.
pub(super) fn print(rows: &[Row]) {
    let width = rows.iter().map(|row| row.file.len()).max().unwrap_or_default();
    say::line(format_args!("{:width$}  {:>10}  {:>10}  {:>5}", "module", "linked", "finished", "saved"));
    for row in rows {
        let (linked, finished) = (say::size(row.linked), say::size(row.finished));
        say::line(format_args!(
            "{:width$}  {linked:>10}  {finished:>10}  {:>4}%",
            row.file,
            row.saved_percent()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn what_is_saved_is_a_share_of_what_was_linked() {
        let row = |linked, finished| Row { file: String::new(), linked, finished }.saved_percent();
        assert_eq!(row(1000, 250), 75);
        assert_eq!(row(0, 0), 0);
        assert_eq!(row(10, 20), 0);
    }
}
