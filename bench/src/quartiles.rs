//! Median and quartiles: what a noisy machine lets one say.

use std::fmt;

/// The three quartiles of a set of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quartiles {
    pub(crate) first: f64,
    pub(crate) median: f64,
    pub(crate) third: f64,
}

impl Quartiles {
    /// Of at least one value; `None` of nothing. Between two values it interpolates.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        Some(Self { first: at(&values, 1)?, median: at(&values, 2)?, third: at(&values, 3)? })
    }
}

fn at(sorted: &[f64], quarters: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)? * quarters;
    let (below, rest) = (last / 4, last % 4);
    let low = sorted.get(below)?;
    let high = sorted.get(below + 1).unwrap_or(low);
    Some(low + (high - low) * f64::from(u8::try_from(rest).unwrap_or(0)) / 4.0)
}

impl fmt::Display for Quartiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2} ({:.2} to {:.2})", self.median, self.first, self.third)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles() {
        let of = |values: &[f64]| Quartiles::of(values.to_vec()).map(|q| (q.first, q.median, q.third));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7.0]), Some((7.0, 7.0, 7.0)));
        assert_eq!(of(&[5.0, 1.0, 3.0, 2.0, 4.0]), Some((2.0, 3.0, 4.0)));
        assert_eq!(of(&[1.0, 2.0]), Some((1.25, 1.5, 1.75)));
    }
}
