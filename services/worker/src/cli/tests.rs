use super::Args;
use crate::engine::device::Compute;
use crate::metrics::Metrics;
use clap::{CommandFactory, Parser};
use spillway_fixtures::options::is_refused;
use spillway_serving::{ConnectionLimits, Drain};
use std::time::Duration;

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
        ("--gpu-utilization", "97", "expected a number from 0 to 1"),
        ("--jitter-ratio", "NaN", "expected a number from 0 to 1"),
        ("--decode-tokens-per-s", "0", "expected a number from 0.1 to 10000000"),
        ("--max-body-bytes", "many", "expected a number from 1024 to 1073741824"),
        ("--threads", "0", "expected a number from 1 to 256"),
        ("--drain-timeout-s", "86401", "expected a number from 0 to 86400"),
    ] {
        is_refused(&Args::command(), flag, value, expected);
    }
}

#[test]
fn the_model_engine_needs_a_file() {
    let args = Args::parse_from(["spillway-worker"]);
    let error = args.model_configs(&Compute::Processor, None, &Metrics::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--engine model needs --model-file <FILE>, a model in GGUF format, or --weights-model <NAME>"
    );
}

#[test]
fn bounds_on_connections_and_on_stopping_are_those_that_were_given() {
    let given = "--header-timeout-s 1 --idle-timeout-s 2 --send-timeout-s 3 --max-connections 4 \
                 --drain-delay-s 5 --drain-timeout-s 6";
    let server = Args::parse_from(std::iter::once("spillway-worker").chain(given.split_whitespace())).server;
    let seconds = Duration::from_secs;
    let limits = ConnectionLimits {
        header_timeout: seconds(1),
        idle_timeout: seconds(2),
        send_timeout: seconds(3),
        max_connections: 4,
    };
    assert_eq!(server.connection_limits(), limits);
    assert_eq!(server.drain(), Drain { delay: seconds(5), timeout: seconds(6) });
}

#[test]
fn no_two_models_have_one_name() {
    let args =
        |given: &str| Args::parse_from(std::iter::once("spillway-worker").chain(given.split_whitespace()));
    assert!(args("--also-model a=x --also-model b=x").check_names().is_ok());
    for (given, option) in [
        ("--embedding-model-name m --model-name m", "--embedding-model-name"),
        ("--model-name m --also-model a=x --also-model m=x", "--also-model"),
        ("--also-model m=x --also-model m=weights:y", "--also-model"),
        ("--also-model m=x --embedding-model-name m", "--embedding-model-name"),
    ] {
        let error = args(given).check_names().unwrap_err().to_string();
        assert_eq!(error, format!("{option}: expected a name that no other model has, got \"m\""));
    }
    assert_eq!(args("").embedding_config(), None, "there is no embedding model unless it is asked for");
}
