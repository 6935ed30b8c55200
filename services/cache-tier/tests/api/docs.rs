//! The README says what the program does.
//!
//! `SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-cache-tier` writes the table of options anew.

use crate::harness::{CacheTier, entry, key};
use clap::{Arg, CommandFactory};
use spillway_cache_tier::cli::Args;
use std::path::PathBuf;

const BEGIN: &str = "<!-- options: begin (generated) -->\n";
const END: &str = "<!-- options: end -->";

fn readme() -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

fn table() -> String {
    let mut table = "| option | default | what |\n|---|---|---|\n".to_owned();
    let command = Args::command();
    for option in
        command.get_arguments().filter(|option| option.get_long().is_some_and(|name| name != "help"))
    {
        table += &row(option);
    }
    table
}

fn row(option: &Arg) -> String {
    let name = option.get_long().unwrap();
    let takes_value = option.get_action().takes_values();
    let value = option.get_value_names().filter(|_| takes_value).map(|names| format!(" <{}>", names[0]));
    let defaults: Vec<_> = option.get_default_values().iter().map(|value| value.to_str().unwrap()).collect();
    let default = if takes_value { defaults.join(" ") } else { String::new() };
    let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
    let help = option.get_help().unwrap().to_string().replace('|', "\\|");
    format!("| `--{name}{}` | {default} | {help} |\n", value.unwrap_or_default())
}

#[test]
fn the_table_of_options_is_current() {
    let (path, text) = readme();
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (current, after) = rest.split_once(END).expect("where the table ends");
    let table = table();
    if std::env::var_os("SPILLWAY_UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(current, table, "run: SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-cache-tier");
    }
}

#[test]
fn every_metric_is_in_the_table() {
    let (_, text) = readme();
    let folder = tempfile::tempdir().unwrap();
    let tier = CacheTier::start(&["--disk-dir", folder.path().to_str().unwrap()]);
    tier.store(&entry(1, 10));
    tier.get(&key(2));
    let metrics = tier.get_path("/metrics").text();
    let names = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for line in names {
        let (name, kind) = line.split_once(' ').unwrap();
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(text.contains(&format!("| `{name}")), "{name} is not in the README");
    }
}
