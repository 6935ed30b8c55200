//! Debian's packages, where the machine has apt and this process may use it.
//!
//! Without root and without a `sudo` that asks nothing, the error is the command that a person would type.

use super::step;
use crate::command::{find, run, succeeds};
use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};

/// How this process may become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Root,
    Sudo,
    None,
}

/// Installs packages; `why` says in the error what they are for.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<()> {
    let right = right();
    if find("apt-get").is_none() || right == Right::None {
        bail!("{}", refusal(packages, why));
    }
    step("Debian packages", format_args!("installing {} for {why}", packages.join(" ")));
    if run(&mut apt_get(right, packages)).is_err() {
        run(&mut apt_update(right)).context("the lists of packages cannot be fetched")?;
        run(&mut apt_get(right, packages)).with_context(|| refusal(packages, why))?;
    }
    Ok(())
}

fn right() -> Right {
    if rustix::process::geteuid().is_root() {
        Right::Root
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Right::Sudo
    } else {
        Right::None
    }
}

fn apt(right: Right) -> Command {
    let mut command = match right {
        Right::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            command
        }
        Right::Root | Right::None => Command::new("apt-get"),
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").stdin(Stdio::null());
    command
}

fn apt_get(right: Right, packages: &[&str]) -> Command {
    let mut command = apt(right);
    command.args(["install", "-y", "--no-install-recommends"]).args(packages);
    command
}

fn apt_update(right: Right) -> Command {
    let mut command = apt(right);
    command.arg("update");
    command
}

fn refusal(packages: &[&str], why: &str) -> String {
    let packages = packages.join(" ");
    format!("{why} is missing; on Debian: apt-get install --no-install-recommends {packages}")
}

#[cfg(test)]
mod tests {
    use super::{Right, apt_get, refusal};

    #[test]
    fn the_refusal_is_the_command_to_type() {
        assert_eq!(
            refusal(&["nodejs"], "Node.js"),
            "Node.js is missing; on Debian: apt-get install --no-install-recommends nodejs"
        );
    }

    #[test]
    fn sudo_never_asks() {
        let command = apt_get(Right::Sudo, &["nodejs"]);
        assert_eq!(command.get_program(), "sudo");
        assert!(command.get_args().any(|word| word == "-n"));
    }
}
