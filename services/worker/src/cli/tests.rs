use super::Args;
use clap::{CommandFactory, Parser};

fn parse(arguments: &[&str]) -> Result<Args, String> {
    let arguments = std::iter::once(&"spillway-worker").chain(arguments);
    Args::try_parse_from(arguments).map_err(|error| error.to_string())
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (flag, value, expected) in [
        ("--slots", "0", "expected a number from 1 to 100000"),
        ("--queue-requests", "100001", "expected a number from 0 to 100000"),
        ("--jitter-ratio", "1.5", "expected a number from 0 to 1"),
        ("--jitter-ratio", "NaN", "expected a number from 0 to 1"),
        ("--decode-tokens-per-s", "0", "expected a number from 0.1 to 10000000"),
        ("--max-body-bytes", "many", "expected a number from 1024 to 1073741824"),
        ("--threads", "0", "expected a number from 1 to 256"),
        ("--drain-timeout-s", "86401", "expected a number from 0 to 86400"),
    ] {
        let error = parse(&[flag, value]).unwrap_err();
        let first = error.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("error: invalid value '{value}' for '{flag} ")), "{first}");
        assert!(first.ends_with(expected), "{first}");
    }
}

#[test]
fn the_model_engine_needs_a_file() {
    let error = parse(&[]).unwrap().model_config().unwrap_err();
    assert_eq!(error.to_string(), "--engine model needs --model-file <FILE>, a model in GGUF format");
}
