use std::path::Path;

use spillway_host::{fake::Fake, load, reference};

use super::*;

fn read(text: &str) -> Result<Config, String> {
    let host = Fake::new();
    host.set_configuration(text);
    let config: Config = load(&*host, text.len()).map_err(|error| error.to_string())?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = read(text).unwrap_err();
    assert!(error.starts_with(expected), "{text} gives: {error}");
}

#[test]
fn a_wrong_field_is_named_with_what_came_and_what_was_expected() {
    refused(r#"{"levels": []}"#, "levels: there is no level: expected 1 to 8 names");
    refused(r#"{"levels": [{"name": "a"}, {"name": "a"}]}"#, "levels: two levels are called \"a\"");
    refused(
        r#"{"default_level": "high"}"#,
        "default_level: `high`, expected one of `critical`, `standard`, `sheddable`",
    );
    refused(r#"{"rules": [{}, {"level": "x"}]}"#, "rules[1].level: `x`, expected one of");
    refused(r#"{"consumers": [{"level": "critical"}]}"#, "consumers[0].name: expected either this or");
    refused(r#"{"consumers": [{"name": "a"}]}"#, "consumer_header: empty, expected the header");
    refused(
        r#"{"consumers": [{"credential_sha256": "12"}]}"#,
        "consumers[0].credential_sha256: expected 64 hexadecimal digits",
    );
    refused(r#"{"limit": {"min": 9, "max": 3}}"#, "limit.min: 9, expected not above limit.max, which is 3");
    refused(
        r#"{"limit": {"min": 0}}"#,
        "limit.min: invalid value: integer `0`, expected an integer from 1 to 1000000",
    );
    refused(
        r#"{"shared_budgets": {"authority": "a b"}}"#,
        "shared_budgets.authority: expected visible ASCII",
    );
    refused(
        r#"{"shared_budgets": {"timeout_ms": 1001}}"#,
        "shared_budgets.timeout_ms: 1001, expected not above interval_ms, which is 1000",
    );
    refused(
        r#"{"shared_budgets": {"allowance_permille": 0}}"#,
        "shared_budgets.allowance_permille: invalid value",
    );
    refused(r#"{"queue": 1}"#, "queue: unknown field `queue`, expected one of `pools`, ");
}

#[test]
fn a_level_that_no_request_gets_is_known() {
    let unreachable = |text: &str| {
        let config = read(text).unwrap();
        config.unreachable(&config.check().unwrap())
    };
    assert_eq!(unreachable("{}"), ["levels[0] (critical)"]);
    assert!(unreachable(r#"{"trust_priority_header": true}"#).is_empty());
    assert!(unreachable(r#"{"rules": [{"level": "critical"}]}"#).is_empty());
    assert_eq!(
        unreachable(r#"{"priority_header": "", "rules": [{"level": "critical"}]}"#),
        ["levels[2] (sheddable)"]
    );
}

#[test]
fn the_defaults_are_those_of_the_decisions() {
    let (config, settings) = (Config::default(), spillway_shedding::control::Settings::default());
    config.check().unwrap();
    assert_eq!(config.control(), settings);
    let reserve = spillway_shedding::reserve::Reserve::default();
    assert_eq!(config.reserve().most_permille[..3], reserve.most_permille[..3]);
    assert_eq!(config.retry_after.settings(), spillway_shedding::retry_after::Settings::default());
}

#[test]
fn the_reference_is_what_the_code_says() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = here.join("../../docs/configuration/load-shedder.schema.json");
    reference::check::<Config>(&here.join("README.md"), &schema).unwrap();
}
