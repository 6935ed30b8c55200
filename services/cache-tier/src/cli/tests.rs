use super::Args;
use clap::{CommandFactory, Parser};
use spillway_fixtures::options::is_refused;
use spillway_serving::{ConnectionLimits, Drain};
use std::time::Duration;

fn parse(arguments: &[&str]) -> Result<Args, String> {
    let arguments = std::iter::once(&"spillway-cache-tier").chain(arguments);
    Args::try_parse_from(arguments).map_err(|error| error.to_string())
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
    parse(&[]).unwrap().check().unwrap();
}

#[test]
fn every_option_can_be_given_in_the_environment() {
    for option in Args::command().get_arguments().filter(|option| option.get_action().takes_values()) {
        let name = option.get_long().unwrap().to_uppercase().replace('-', "_");
        let expected = format!("SPILLWAY_CACHE_TIER_{name}");
        assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (flag, value, expected) in [
        ("--max-requests", "0", "expected a number from 1 to 10000000"),
        ("--max-entry-bytes", "many", "expected a number from 1024 to 268435456"),
        ("--memory-max-bytes", "1048575", "expected a number from 1048576 to 17592186044416"),
        ("--disk-max-bytes", "1", "expected a number from 16777216 to 17592186044416"),
        ("--memory-ttl-s", "0", "expected a number from 1 to 31536000"),
        ("--disk-timeout-ms", "60001", "expected a number from 1 to 60000"),
        ("--drain-timeout-s", "86401", "expected a number from 0 to 86400"),
    ] {
        is_refused(&Args::command(), flag, value, expected);
    }
}

#[test]
fn options_that_do_not_go_together_are_named() {
    for (arguments, expected) in [
        (&["--listen", "0.0.0.0:1"][..], "--listen 0.0.0.0:1 is not loopback, so --token-file is needed"),
        (
            &["--memory-max-bytes", "4194304"],
            "--memory-max-bytes 4194304 is less than four times --max-entry-bytes 4194304",
        ),
        (
            &["--disk-dir", "x", "--disk-max-bytes", "16777216"],
            "--disk-max-bytes 16777216 is less than sixteen times --max-entry-bytes 4194304",
        ),
        (
            &["--queue-max-bytes", "2000000"],
            "--queue-max-bytes 2000000 is less than --max-entry-bytes 4194304",
        ),
    ] {
        assert_eq!(parse(arguments).unwrap().check().unwrap_err().to_string(), expected);
    }
    parse(&["--listen", "0.0.0.0:1", "--token-file", "x"]).unwrap().check().unwrap();
}

#[test]
fn bounds_on_connections_and_on_stopping_are_those_that_were_given() {
    let given = "--header-timeout-s 1 --idle-timeout-s 2 --send-timeout-s 3 --max-connections 4 \
                 --drain-delay-s 5 --drain-timeout-s 6";
    let server =
        Args::parse_from(std::iter::once("spillway-cache-tier").chain(given.split_whitespace())).server;
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
