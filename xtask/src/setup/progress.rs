//! Progress of a long wait: a bar on a terminal, a line now and then elsewhere, so that a log shows life too.

use crate::say;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(20);

/// A download of known size.
pub(crate) struct Download {
    bar: ProgressBar,
    what: String,
    total: u64,
    last_line: Instant,
}

impl Download {
    pub(crate) fn new(what: &str, total: u64) -> Self {
        let bar = ProgressBar::new(total);
        // The template is a constant; should it be refused, the default bar does.
        if let Ok(style) = ProgressStyle::with_template("         {msg} {bar:30} {bytes}/{total_bytes} {eta}")
        {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self { bar, what: what.to_owned(), total, last_line: Instant::now() }
    }

    /// Tells how many bytes are there.
    pub(crate) fn at(&mut self, bytes: u64) {
        let bytes = bytes.min(self.total);
        self.bar.set_position(bytes);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            say::line(format_args!(
                "         {} {} of {}",
                self.what,
                say::size(bytes),
                say::size(self.total)
            ));
        }
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The bytes of all files below a folder; files that vanish meanwhile count nothing.
pub(crate) fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_below(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::bytes_below;

    #[test]
    fn counts_files_in_folders_too() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deeper")).unwrap();
        std::fs::write(folder.path().join("a"), [0; 10]).unwrap();
        std::fs::write(folder.path().join("deeper/b"), [0; 7]).unwrap();
        assert_eq!(bytes_below(folder.path()), 17);
        assert_eq!(bytes_below(&folder.path().join("missing")), 0);
    }
}
