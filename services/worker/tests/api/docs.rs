//! The README says what the program does.
//!
//! `SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-worker` writes the table of flags anew.

use crate::harness::{Worker, get};
use clap::{Arg, CommandFactory};
use spillway_worker::cli::Args;
use std::path::PathBuf;

const BEGIN: &str = "<!-- flags: begin (generated) -->\n";
const END: &str = "<!-- flags: end -->";

fn readme() -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

fn table() -> String {
    let mut table = "| flag | default | what |\n|---|---|---|\n".to_owned();
    let command = Args::command();
    for flag in command.get_arguments().filter(|flag| flag.get_long().is_some_and(|name| name != "help")) {
        table += &row(flag);
    }
    table
}

fn row(flag: &Arg) -> String {
    let name = flag.get_long().unwrap();
    let takes_value = flag.get_action().takes_values();
    let value = flag.get_value_names().filter(|_| takes_value).map(|names| format!(" <{}>", names[0]));
    let defaults: Vec<_> = flag.get_default_values().iter().map(|value| value.to_str().unwrap()).collect();
    let default = if takes_value { defaults.join(" ") } else { String::new() };
    let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
    let help = flag.get_help().unwrap().to_string().replace('|', "\\|");
    let choices: Vec<_> =
        flag.get_possible_values().iter().map(|choice| format!("`{}`", choice.get_name())).collect();
    let choices = if takes_value && !choices.is_empty() {
        format!(": {}", choices.join(" or "))
    } else {
        String::new()
    };
    format!("| `--{name}{}` | {default} | {help}{choices} |\n", value.unwrap_or_default())
}

#[test]
fn the_table_of_flags_is_current() {
    let (path, text) = readme();
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (current, after) = rest.split_once(END).expect("where the table ends");
    let table = table();
    if std::env::var_os("SPILLWAY_UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(current, table, "run: SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-worker");
    }
}

#[test]
fn every_metric_is_in_the_table() {
    let (_, text) = readme();
    let worker = Worker::default().start();
    let metrics = get(worker.address, "/metrics").text();
    let names = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for line in names {
        let (name, kind) = line.split_once(' ').unwrap();
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(text.contains(&format!("| `{name}")), "{name} is not in the README");
    }
}
