//! What is going on, while it goes on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many steps. Where nobody looks at a terminal it is silent.
pub(crate) fn steps(count: usize) -> ProgressBar {
    let template = "{spinner} {msg:40} {wide_bar} {pos}/{len}, {elapsed}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(count as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
