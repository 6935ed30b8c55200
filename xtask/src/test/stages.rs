//! What each stage runs.

use super::counts::Counts;
use super::outcome::Outcome;
use super::stream;
use crate::command::cargo;
use crate::layout::Layout;
use crate::packages::{members, names_in};
use crate::parts::Parts;
use crate::setup::ceph::Ceph;
use crate::setup::wasm_toolchain::{self, Toolchain};
use crate::setup::{embedding_model, model, moto, node, redis, wasm_bindgen};
use crate::{build, lint, say, setup};
use anyhow::{Result, bail};
use std::process::Command;

/// Two at a time: each starts an Envoy and workers of its own, and the machine has few cores.
const E2E_THREADS: &str = "--test-threads=2";

pub(super) fn lint(layout: &Layout) -> Outcome {
    Outcome::of_tests("lint", |counts| {
        for check in lint::checks(layout)? {
            match check.result {
                lint::Verdict::Passed => counts.passed += 1,
                lint::Verdict::Failed => counts.failed += 1,
                lint::Verdict::Skipped => counts.skipped += 1,
            }
        }
        Ok(())
    })
}

pub(super) fn setup(layout: &Layout) -> Outcome {
    Outcome::of_step("setup", || setup::run(layout))
}

pub(super) fn build(layout: &Layout) -> Outcome {
    let options = build::Options { chaos: true, ..build::Options::default() };
    Outcome::of_step("build", || build::run(layout, &options))
}

/// The services are built with `--release` as everywhere else: a model without optimisation takes for ever, and one
/// set of artefacts is enough.
pub(super) fn native(layout: &Layout, arguments: &[String]) -> Outcome {
    Outcome::of_tests("native", |counts| {
        let members = members(layout)?;
        let mut dev = native_cargo(
            layout,
            &names_in(layout, &members, &["crates", "filters", "envoy", "bench", "simulator", "xtask"]),
        );
        dev.arg("--").args(arguments);
        let mut release = native_cargo(layout, &names_in(layout, &members, &["services"]));
        release.env("SPILLWAY_MODEL", model::ensure(layout)?);
        release.env("SPILLWAY_EMBEDDING_MODEL", embedding_model::ensure(layout)?);
        release.env("SPILLWAY_MOTO_SERVER", moto::ensure(layout)?);
        release.args(["--release", "--", "--include-ignored"]).args(arguments);
        all([stream::run(&mut dev, counts), stream::run(&mut release, counts)])
    })
}

pub(super) fn wasm(layout: &Layout, arguments: &[String]) -> Outcome {
    Outcome::of_tests("wasm", |counts| {
        let members = members(layout)?;
        let runner = wasm_bindgen::ensure(layout)?;
        let mut cargo = wasm_toolchain::ensure(layout)?.cargo(layout, "test");
        cargo.args(["--no-fail-fast", "--tests"]);
        add_packages(&mut cargo, &names_in(layout, &members, &["crates"]));
        cargo
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            // A property test without optimisation may take longer than the runner's default of 20 s.
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300")
            .envs(node::arguments().map(|arguments| ("NODE_ARGS", arguments)))
            .arg("--")
            .args(arguments);
        stream::run(&mut cargo, counts)
    })
}

/// Both ways to build for wasm32. One that the machine cannot have (rustup without its server, Debian's packages
/// elsewhere than on Debian) is skipped, and says why.
pub(super) fn toolchains(layout: &Layout) -> Outcome {
    Outcome::of_tests("toolchains", |counts| {
        for way in Toolchain::ALL {
            if let Err(error) = wasm_toolchain::take(layout, Some(way)) {
                say::line(format_args!("skipped: {} cannot be had here: {error:#}", way.as_str()));
                counts.skipped += 1;
                continue;
            }
            match build::smallest(layout, way) {
                Ok(()) => counts.passed += 1,
                Err(error) => {
                    say::line(format_args!("{} does not build a filter: {error:#}", way.as_str()));
                    counts.failed += 1;
                }
            }
        }
        Ok(())
    })
}

pub(super) fn e2e(layout: &Layout, arguments: &[String]) -> Outcome {
    Outcome::of_tests("e2e", |counts: &mut Counts| {
        let parts = Parts::ensure(layout)?;
        let mut cargo = native_cargo(layout, &names_in(layout, &members(layout)?, &["tests"]));
        parts.tell(&mut cargo);
        cargo.env("SPILLWAY_MOTO_SERVER", moto::ensure(layout)?);
        cargo.args(["--release", "--", E2E_THREADS]).args(arguments);
        stream::run(&mut cargo, counts)
    })
}

/// The same tests as in `native`, which take a stand-in for a store.
pub(super) fn cache_tier_ceph(layout: &Layout) -> Outcome {
    Outcome::of_tests("cache-tier-ceph", |counts| {
        redis::ensure()?;
        let stand_in = moto::ensure(layout)?;
        let ceph = Ceph::start(layout)?;
        let mut cargo = native_cargo(layout, &["spillway-cache-tier"]);
        cargo
            .env("SPILLWAY_S3_ENDPOINT", ceph.endpoint())
            .env("SPILLWAY_S3_CREDENTIALS", ceph.credentials())
            .env("SPILLWAY_MOTO_SERVER", stand_in)
            .args(["--release", "--test", "api", "--", "store::"]);
        stream::run(&mut cargo, counts)
    })
}

fn native_cargo(layout: &Layout, packages: &[&str]) -> Command {
    let mut command = cargo();
    command.current_dir(layout.root()).args(["test", "--no-fail-fast"]);
    add_packages(&mut command, packages);
    command
}

fn add_packages(command: &mut Command, packages: &[&str]) {
    for package in packages {
        command.args(["-p", package]);
    }
}

fn all<const N: usize>(results: [Result<()>; N]) -> Result<()> {
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    if let [first, ..] = errors.as_slice() {
        say::line(format_args!("{} of {N} calls of cargo test failed", errors.len()));
        bail!("{first:#}");
    }
    Ok(())
}
