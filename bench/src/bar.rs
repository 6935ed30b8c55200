//! What is expected of a figure.

/// A figure, and the most that it may be or the least that it must be.
pub(crate) struct Bar {
    what: String,
    sign: &'static str,
    bar: f64,
    found: Option<f64>,
}

impl Bar {
    /// `found` is `None` where nothing was measured, which is not enough.
    pub(crate) fn at_most(most: f64, what: impl Into<String>, found: Option<f64>) -> Self {
        Self { what: what.into(), sign: "≤", bar: most, found }
    }

    /// The same the other way round.
    pub(crate) fn at_least(least: f64, what: impl Into<String>, found: Option<f64>) -> Self {
        Self { what: what.into(), sign: "≥", bar: least, found }
    }

    fn is_met(&self, found: f64) -> bool {
        if self.sign == "≤" { found <= self.bar } else { found >= self.bar }
    }

    fn line(&self) -> String {
        let Self { what, sign, bar, found } = self;
        match found {
            None => format!("      not met: {what}: nothing measured, bar {sign} {bar}"),
            Some(found) if self.is_met(*found) => {
                format!("      met:     {what}: {found:.4}, bar {sign} {bar}")
            }
            Some(found) => format!("      not met: {what}: {found:.4}, bar {sign} {bar}"),
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
    fn a_least_is_met_from_its_value_on() {
        let line = |found| Bar::at_least(0.95, "share", Some(found)).line();
        assert!(line(0.95).trim_start().starts_with("met:"));
        assert!(line(0.949).trim_start().starts_with("not met:"));
    }

    #[test]
    fn a_bar_is_met_up_to_its_value_and_not_by_nothing() {
        check(Some(0.05), "met:");
        check(Some(0.051), "not met:");
        check(None, "not met:");
    }
}
