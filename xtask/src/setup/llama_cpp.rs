//! llama.cpp, which the benchmark of the worker measures beside ours: `bench/llama-cpp`, built for this processor.
//!
//! Not a part of set-up: it takes ten minutes of two cores, and only that benchmark wants it. cmake and libclang come as Python
//! wheels; a C++ compiler and make are Debian's where they are missing.

use super::python::Venv;
use super::wheel::Wheel;
use super::{apt, step};
use crate::command::{capture, cargo, find, run};
use crate::layout::Layout;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "spillway-bench-llama-cpp";

const CMAKE: Wheel = Wheel {
    name: "cmake",
    version: "4.4.5",
    sha256: &[
        // Linux on x86-64, Linux on arm64, macOS
        "85625a9b6d5e88ff99c7eb79123d85570844e77ac076366cf75c609cc0b1b579",
        "25fc8469e67857124ef10c002331c0ab416eb7b8d9e1d6e4c58e84e730013ece",
        "e07a5716b4233dc9c69d6ca6993f4405eefc7687e718d9f6eebbb6cc1be304ef",
    ],
    bytes: 54_406_040,
};

/// Reads llama.cpp's headers for the Rust bindings.
const LIBCLANG: Wheel = Wheel {
    name: "libclang",
    version: "18.1.1",
    sha256: &[
        // Linux on x86-64, Linux on arm64, macOS on arm64
        "c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b",
        "54dda940a4a0491a9d1532bf071ea3ef26e6dbaf03b5000ed94dd7174e8f9592",
        "0b2e143f0fac830156feb56f9231ff8338c20aecfe72b4ffe96f19e5a1dbb69a",
    ],
    bytes: 25_836_045,
};

/// The program's file, built if it is not there.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    if ["c++", "make"].iter().any(|program| find(program).is_none()) {
        apt::install(&["g++", "make"], "a C++ compiler")?;
    }
    let venv = Venv::ensure(layout)?;
    installed(&CMAKE, layout, &venv)?;
    let libclang = installed(&LIBCLANG, layout, &venv)?.join("clang/native");
    let target = layout.target().join("llama-cpp");
    let program = target.join("release").join(PACKAGE);
    if !program.is_file() {
        step("llama.cpp", "building, once; this takes ten minutes and more");
    }
    run(&mut build(layout, &venv, &libclang, &target)?).context("llama.cpp does not build")?;
    Ok(program)
}

/// The folder of the environment's packages, with this one among them.
fn installed(wheel: &Wheel, layout: &Layout, venv: &Venv) -> Result<PathBuf> {
    if wheel.installed(venv.folder()).is_none() {
        wheel.install(layout, venv)?;
    }
    wheel.installed(venv.folder()).with_context(|| format!("{} is not in the environment", wheel.name))
}

fn build(layout: &Layout, venv: &Venv, libclang: &Path, target: &Path) -> Result<Command> {
    // The wheel holds the library without the compiler's own headers, such as `stddef.h`.
    let headers = capture(Command::new("cc").arg("-print-file-name=include"))?;
    let mut command = cargo();
    command
        .current_dir(layout.root().join("bench/llama-cpp"))
        .args(["build", "--release", "--locked"])
        // All instructions of this processor: the bindings turn GGML_NATIVE on when they see this.
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-cpu=native")
        .env("CARGO_TARGET_DIR", target)
        .env("CMAKE", venv.folder().join("bin/cmake"))
        .env("LIBCLANG_PATH", libclang)
        .env("BINDGEN_EXTRA_CLANG_ARGS", format!("-isystem {}", headers.trim()));
    Ok(command)
}
