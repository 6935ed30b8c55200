//! How far values are from their mean.

/// The mean; 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX).max(1))
}

/// Standard deviation ÷ mean.
pub(super) fn spread(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - middle).powi(2)).collect();
    mean(&squares).sqrt() / middle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_equal_and_of_unequal_loads() {
        assert!(spread(&[0.7, 0.7, 0.7]) < 1e-9);
        assert!((spread(&[0.5, 1.0, 1.5]) - 0.408).abs() < 1e-3);
    }
}
