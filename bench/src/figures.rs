//! The figures of several rounds in one cell.

use std::time::Duration;

use crate::quartiles::Quartiles;

/// Median and quartiles; of one round its figure alone; a dash of none.
pub(crate) fn figures(values: &[f64], digits: usize) -> String {
    match (values, Quartiles::of(values.to_vec())) {
        (_, None) => "–".to_owned(),
        ([only], _) => format!("{only:.digits$}"),
        (_, Some(Quartiles { first, median, third })) => {
            format!("{median:.digits$} ({first:.digits$} to {third:.digits$})")
        }
    }
}

/// The same of times, in seconds, some of which never came: how many did not is said.
pub(crate) fn times(values: &[Option<f64>], never: &str) -> String {
    let came: Vec<f64> = values.iter().flatten().copied().collect();
    match values.len() - came.len() {
        0 => figures(&came, 1),
        missing if missing == values.len() => never.to_owned(),
        missing => format!("{}; {missing} of {}: {never}", figures(&came, 1), values.len()),
    }
}

/// The median; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    Quartiles::of(values.to_vec()).map(|quartiles| quartiles.median)
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_has_no_quartiles_and_what_never_came_is_counted() {
        assert_eq!(figures(&[], 2), "–");
        assert_eq!(figures(&[1.0], 2), "1.00");
        assert_eq!(figures(&[1.0, 2.0, 3.0], 1), "2.0 (1.5 to 2.5)");
        assert_eq!(times(&[None, None], "never"), "never");
        assert_eq!(times(&[Some(1.0), None], "never"), "1.0; 1 of 2: never");
    }
}
