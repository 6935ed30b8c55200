//! `cargo xtask bench worker`: llama.cpp, which is measured beside ours.

use crate::layout::Layout;
use crate::say;
use crate::setup::llama_cpp;
use std::process::Command;

/// What it is called on the command line.
pub(super) const NAME: &str = "worker";

/// Arguments of the benchmark with which nobody wants llama.cpp.
const WITHOUT: &[&str] = &["--without-llama-cpp", "--help", "-h"];

/// Builds llama.cpp and tells the benchmark where it is; where it cannot be had, why. The benchmark measures ours either way.
pub(super) fn tell(layout: &Layout, arguments: &[String], command: &mut Command) {
    if arguments.iter().any(|argument| WITHOUT.contains(&argument.as_str())) {
        return;
    }
    match llama_cpp::ensure(layout) {
        Ok(program) => command.env("SPILLWAY_LLAMA_CPP", program),
        Err(error) => {
            say::step("bench", "llama.cpp", format_args!("not measured: {error:#}"));
            // A cell of a table has no room for all the causes.
            command.env("SPILLWAY_LLAMA_CPP_MISSING", error.to_string())
        }
    };
}
