//! The configuration reference of a filter, generated from its schema.
//!
//! A filter's test calls [`check`]: it fails when the table in the filter's README or the schema in `docs/` is not
//! what the code says, and with `SPILLWAY_UPDATE_DOCS=1` it writes them instead.
#![allow(
    clippy::disallowed_methods,
    reason = "runs in tests only, natively: it reads and writes the documents"
)]

use std::fmt::Write as _;
use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

const BEGIN: &str = "<!-- configuration: generated from the schema, do not edit -->";
const END: &str = "<!-- end of configuration -->";

/// Compares the README's table and the schema file with what `T` says.
///
/// # Errors
///
/// What differs and how to mend it, or that a file cannot be read or written.
pub fn check<T: JsonSchema>(readme: &Path, schema_file: &Path) -> Result<(), String> {
    let mut schema = schema_for!(T).to_value();
    // Whichever packages are built together: one of them may have JSON objects keep the order of their members.
    schema.sort_all_objects();
    let text = serde_json::to_string_pretty(&schema).map_err(|error| error.to_string())? + "\n";
    settle(schema_file, &text)?;
    let old = read(readme)?;
    let missing = || format!("{} has no line `{BEGIN}` or `{END}`", readme.display());
    let (before, rest) = old.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    settle(readme, &format!("{before}{BEGIN}\n\n{}\n{END}{after}", table(&schema)))
}

fn settle(file: &Path, expected: &str) -> Result<(), String> {
    if std::env::var_os("SPILLWAY_UPDATE_DOCS").is_some() {
        return std::fs::write(file, expected).map_err(|error| format!("{}: {error}", file.display()));
    }
    if read(file)? == expected {
        return Ok(());
    }
    Err(format!("{} is out of date: run the test again with SPILLWAY_UPDATE_DOCS=1", file.display()))
}

fn read(file: &Path) -> Result<String, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

fn table(schema: &Value) -> String {
    let mut rows = String::from("| field | what it is | default | what it does |\n|---|---|---|---|\n");
    add_rows(&mut rows, schema, schema, "", "");
    rows
}

/// A row for each property of `object`. `said` describes a property that does not describe itself: of an enum's
/// variant, the schema says it beside the property and not inside.
fn add_rows(rows: &mut String, root: &Value, object: &Value, prefix: &str, said: &str) {
    let Some(properties) = object.get("properties").and_then(Value::as_object) else { return };
    for (name, field) in properties {
        let path = format!("{prefix}{name}");
        let whole = resolve(root, field);
        let what = description(field).or(description(whole)).unwrap_or(said).replace('\n', " ");
        let default = field.get("default").map_or_else(String::new, |value| format!("`{value}`"));
        let default = if default.len() > 60 { String::new() } else { default };
        // Writing to a string cannot fail.
        writeln!(rows, "| `{path}` | {} | {default} | {what} |", kind(root, whole)).ok();
        let items = whole.get("items").map(|items| resolve(root, items));
        add_rows(rows, root, whole, &format!("{path}."), "");
        for variant in whole.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            add_rows(rows, root, variant, &format!("{path}."), description(variant).unwrap_or_default());
        }
        if let Some(items) = items {
            add_rows(rows, root, items, &format!("{path}[]."), "");
        }
    }
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref")).and_then(Value::as_str);
    reference
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

fn kind(root: &Value, schema: &Value) -> String {
    if let Some(words) = words(schema) {
        return words.join(", ");
    }
    let least_and_most = (schema.get("minimum"), schema.get("maximum"));
    match (schema.get("type").and_then(Value::as_str), least_and_most) {
        (Some("array"), _) => match schema.get("items").map(|items| kind(root, resolve(root, items))) {
            Some(items) => format!("list of {items}"),
            None => "list".to_owned(),
        },
        (Some(kind), (Some(least), Some(most))) => format!("{kind}, {least} to {most}"),
        (Some(kind), _) => kind.to_owned(),
        (None, _) => "object".to_owned(),
    }
}

fn words(schema: &Value) -> Option<Vec<String>> {
    let quoted = |value: &Value| value.as_str().map(|word| format!("`{word}`"));
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(quoted).collect();
    }
    schema.get("oneOf")?.as_array()?.iter().map(|variant| quoted(variant.get("const")?)).collect()
}
