//! Numbers on the command line, each within its range.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A number within its range.
///
/// # Errors
/// What was expected, for people.
pub fn within<T: FromStr + PartialOrd + Display + Copy>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let (min, max) = range.clone().into_inner();
    let value = text.parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("expected a number from {min} to {max}"))
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn both_ends_belong_to_the_range() {
        for (text, expected) in
            [("1", Some(1)), ("5", Some(5)), ("0", None), ("6", None), ("x", None), ("", None)]
        {
            assert_eq!(within(text, 1..=5_u32).ok(), expected, "{text}");
        }
        assert_eq!(within("NaN", 0.0..=1.0_f64).unwrap_err(), "expected a number from 0 to 1");
    }
}
