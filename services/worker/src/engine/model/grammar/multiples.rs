//! `multipleOf` in a schema: a grammar counts remainders, and has a state for each of them.

use serde_json::Value;

/// The most remainders.
const MOST: u64 = 10_000;
/// Numbers are counted in millionths.
const UNIT: u64 = 1_000_000;

/// Refuses a schema whose numbers together have too many remainders. Those of different places can apply to one value
/// (`allOf`), so they are judged as if they all did.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut numbers = Vec::new();
    find(schema, &mut numbers)?;
    let mut unit = UNIT;
    while numbers.iter().any(|number| !number.is_multiple_of(unit)) {
        unit /= 10;
    }
    let multiple = numbers.iter().try_fold(unit, |multiple, number| {
        (multiple / greatest_common_divisor(multiple, *number)).checked_mul(*number)
    });
    match multiple.map(|multiple| multiple / unit) {
        Some(remainders) if remainders <= MOST => Ok(()),
        _ => Err(format!("multipleOf: expected numbers with at most {MOST} remainders together, got more")),
    }
}

fn find(schema: &Value, numbers: &mut Vec<u64>) -> Result<(), String> {
    match schema {
        Value::Array(items) => items.iter().try_for_each(|item| find(item, numbers)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name == "multipleOf"
                && let Some(number) = value.as_f64()
            {
                numbers.push(millionths(number)?);
            }
            find(value, numbers)
        }),
        _ => Ok(()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
fn millionths(number: f64) -> Result<u64, String> {
    let exact = number * UNIT as f64;
    let whole = exact.round();
    if (1.0..=1e15).contains(&whole) && (exact - whole).abs() < 1e-3 {
        return Ok(whole as u64);
    }
    Err(format!(
        "multipleOf: expected a number from 0.000001 to 1000000000, in whole millionths, got {number}"
    ))
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::{Value, json};

    #[track_caller]
    fn accepts(schema: &Value) {
        assert_eq!(check(schema), Ok(()), "{schema}");
    }

    #[track_caller]
    fn refuses(schema: &Value, got: &str) {
        assert_eq!(check(schema).unwrap_err(), format!("multipleOf: expected {got}"), "{schema}");
    }

    #[test]
    fn remainders_are_bounded() {
        let of = |numbers: &[f64]| json!({"allOf": numbers.iter().map(|n| json!({"multipleOf": n})).collect::<Vec<_>>()});
        accepts(&json!({"type": "object"}));
        for numbers in [&[5.0][..], &[0.01], &[0.000_001], &[10_000.0], &[0.01, 100.0], &[0.5, 0.25, 7.0]] {
            accepts(&of(numbers));
        }
        let many = "numbers with at most 10000 remainders together, got more";
        for numbers in
            [&[10_001.0][..], &[9_973.0, 9_967.0], &[0.01, 101.0], &[1e9, 999_999_999.0], &[0.123_457]]
        {
            refuses(&of(numbers), many);
        }
        for number in [0.0, -1.0, 1e-7, 0.000_001_5, 1e300] {
            let got = format!("a number from 0.000001 to 1000000000, in whole millionths, got {number}");
            refuses(&of(&[number]), &got);
        }
    }

    #[test]
    fn only_the_keyword_counts() {
        accepts(&json!({"properties": {"multipleOf": {"type": "integer"}, "n": {"multipleOf": 7}}}));
        refuses(
            &json!({"$defs": {"n": [{"items": {"multipleOf": 999_983}}]}}),
            "numbers with at most 10000 remainders together, got more",
        );
    }
}
