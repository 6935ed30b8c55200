//! What is expected of a figure.

/// A figure and the most that it may be.
pub(crate) struct Bar {
    what: String,
    most: f64,
    found: Option<f64>,
}

impl Bar {
    /// `found` is `None` where nothing was measured, which is not enough.
    pub(crate) fn at_most(most: f64, what: impl Into<String>, found: Option<f64>) -> Self {
        Self { what: what.into(), most, found }
    }

    fn line(&self) -> String {
        let Self { what, most, found } = self;
        match found {
            None => format!("      not met: {what}: nothing measured, bar ≤ {most}"),
            Some(found) if found <= most => format!("      met:     {what}: {found:.4}, bar ≤ {most}"),
            Some(found) => format!("      not met: {what}: {found:.4}, bar ≤ {most}"),
        }
    }
}

/// Prints a line for each.
pub(crate) fn print(bars: &[Bar]) {
    println!("bars");
    bars.iter().for_each(|bar| println!("{}", bar.line()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Option<f64>, begin: &str) {
        let line = Bar::at_most(0.05, "spread", found).line();
        assert!(line.trim_start().starts_with(begin), "{line}");
    }

    #[test]
    fn a_bar_is_met_up_to_its_value_and_not_by_nothing() {
        check(Some(0.05), "met:");
        check(Some(0.051), "not met:");
        check(None, "not met:");
    }
}
