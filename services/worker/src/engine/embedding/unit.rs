//! Vectors of length 1.

/// The same direction with length 1. `None` where there is no direction: all numbers are zero, or one is not finite.
pub(in super::super) fn to_unit_length(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let squares: f64 = vector.iter().map(|number| f64::from(*number).powi(2)).sum();
    let length = squares.sqrt();
    if !(length.is_finite() && length > 0.0) {
        return None;
    }
    for number in &mut vector {
        *number = (f64::from(*number) / length) as f32;
    }
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::to_unit_length;

    #[test]
    fn the_direction_stays() {
        assert_eq!(to_unit_length(vec![3.0, -4.0]), Some(vec![0.6, -0.8]));
        assert_eq!(to_unit_length(vec![1e30, 0.0]), Some(vec![1.0, 0.0]), "its square is no 32-bit float");
        for nowhere in [vec![], vec![0.0, 0.0], vec![1.0, f32::NAN], vec![f32::INFINITY, 1.0]] {
            assert_eq!(to_unit_length(nowhere.clone()), None, "{nowhere:?}");
        }
    }
}
