//! Patterns in a schema, where several of them may apply to one text.
//!
//! To know whether a text can match all of them, `llguidance` follows them together, and each one multiplies the ways to
//! follow: its own limits do not count what one step of that takes. So few may come together. Which ones do is not worked
//! out: where a schema lets any of its parts apply together, all its patterns are judged as if they did.

use serde_json::{Map, Value};

/// The most patterns that may apply to one text.
const TOGETHER: usize = 4;
/// The most `patternProperties`: each is compared with each.
const NAMES: usize = 64;
/// What stands beside other keywords and asks for nothing.
const NOTES: [&str; 10] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "x-guidance",
];

#[derive(Default)]
struct Seen {
    patterns: usize,
    names: usize,
    /// Some of the schema's parts apply together.
    together: bool,
}

/// Refuses a schema with too many of them.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut seen = Seen::default();
    look(schema, &mut seen);
    if seen.names > NAMES {
        return Err(format!("patternProperties: expected at most {NAMES} in a schema, got {}", seen.names));
    }
    if seen.together && seen.patterns + seen.names > TOGETHER {
        return Err(format!(
            "pattern and format: expected at most {TOGETHER} in a schema with allOf, or with anyOf, oneOf or $ref beside \
             other keywords, got {}",
            seen.patterns + seen.names
        ));
    }
    Ok(())
}

fn look(schema: &Value, seen: &mut Seen) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| look(item, seen)),
        Value::Object(members) => {
            let is_text = |name| members.get(name).is_some_and(Value::is_string);
            seen.patterns += usize::from(is_text("pattern")) + usize::from(is_text("format"));
            let names = members.get("patternProperties").and_then(Value::as_object);
            seen.names += names.map_or(0, Map::len);
            seen.together |= apply_together(members);
            members.values().for_each(|value| look(value, seen));
        }
        _ => {}
    }
}

/// Whether parts of this object apply to the same value.
fn apply_together(members: &Map<String, Value>) -> bool {
    let has = |name: &str| members.contains_key(name);
    let others = members.keys().filter(|name| !NOTES.contains(&name.as_str())).count();
    has("allOf") || (others > 1 && (has("anyOf") || has("oneOf") || has("$ref")))
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::{Value, json};

    fn patterns(count: usize) -> Vec<Value> {
        (0..count).map(|number| json!({"type": "string", "pattern": format!("a{{{number}}}")})).collect()
    }

    #[track_caller]
    fn together(schema: &Value, got: usize) {
        let expected = "pattern and format: expected at most 4 in a schema with allOf, or with anyOf, oneOf or $ref beside \
                        other keywords, got";
        assert_eq!(check(schema), Err(format!("{expected} {got}")), "{schema}");
    }

    #[test]
    fn many_apart_and_few_together() {
        assert_eq!(check(&json!({"prefixItems": patterns(500)})), Ok(()));
        assert_eq!(check(&json!({"title": "x", "anyOf": patterns(500)})), Ok(()));
        assert_eq!(check(&json!({"allOf": patterns(4)})), Ok(()));
        together(&json!({"allOf": patterns(5)}), 5);
        together(&json!({"type": "string", "anyOf": patterns(5)}), 5);
        together(&json!({"$defs": {"a": patterns(4)}, "$ref": "#/$defs/a", "format": "date"}), 5);
        together(&json!({"items": patterns(2), "properties": {"a": {"allOf": [{"items": patterns(3)}]}}}), 5);
    }

    #[test]
    fn names_are_compared_with_each_other() {
        let names = |count| {
            json!({"patternProperties": json!({}), "items": {"patternProperties":
            (0..count).map(|number| (format!("^{number}$"), json!({}))).collect::<serde_json::Map<_, _>>()}})
        };
        assert_eq!(check(&names(64)), Ok(()));
        let error = "patternProperties: expected at most 64 in a schema, got 65";
        assert_eq!(check(&names(65)).unwrap_err(), error);
    }
}
