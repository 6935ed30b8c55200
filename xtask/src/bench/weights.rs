//! `cargo xtask bench weights`: the weights cache before a real store, Ceph's gateway, which runs for as long as it takes.

use crate::command::run as run_command;
use crate::layout::Layout;
use crate::setup::ceph::Ceph;
use crate::setup::{model, moto};
use crate::{parts, say};
use anyhow::Result;

/// What it is called.
pub(super) const NAME: &str = "weights";

/// Builds the program, starts the store and measures.
pub(super) fn run(layout: &Layout, arguments: &[String]) -> Result<()> {
    let program = parts::weights(layout)?;
    let mut command = super::benchmark(layout, NAME, arguments);
    command.env("SPILLWAY_MODEL", model::ensure(layout)?).env("SPILLWAY_WEIGHTS", program);
    let ceph = Ceph::start(layout);
    match &ceph {
        Ok(ceph) => {
            command
                .env("SPILLWAY_S3_ENDPOINT", ceph.endpoint())
                .env("SPILLWAY_S3_CREDENTIALS", ceph.credentials());
        }
        Err(error) => {
            say::step(
                "bench",
                NAME,
                format_args!("moto stands in for Ceph, which cannot be had here: {error:#}"),
            );
            command.env("SPILLWAY_MOTO_SERVER", moto::ensure(layout)?);
        }
    }
    say::step("bench", NAME, "running");
    run_command(&mut command)
}
