use super::choice::{Ways, choose};
use super::{Machine, Toolchain};
use anyhow::{Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A machine that can do what the test says and writes down what was asked of it.
#[derive(Default)]
struct Fake {
    has_target: bool,
    rustup_works: bool,
    debian_is_here: bool,
    apt_works: bool,
    noted: Option<Toolchain>,
    asked: Vec<&'static str>,
}

impl Ways for Fake {
    fn has_target(&self) -> bool {
        self.has_target
    }
    fn add_target(&mut self) -> Result<()> {
        self.asked.push("rustup");
        if self.rustup_works { Ok(()) } else { bail!("no way to the host") }
    }
    fn debian_is_here(&self) -> bool {
        self.debian_is_here
    }
    fn install_debian(&mut self) -> Result<()> {
        self.asked.push("apt");
        if self.apt_works { Ok(()) } else { bail!("not root") }
    }
    fn noted(&self) -> Option<Toolchain> {
        self.noted
    }
    fn note(&mut self, chosen: Toolchain) {
        self.noted = Some(chosen);
    }
}

#[track_caller]
fn check(forced: Option<Toolchain>, mut machine: Fake, chosen: Result<Toolchain, &str>, asked: &[&str]) {
    let got = choose(forced, &mut machine).map_err(|error| format!("{error:#}"));
    assert_eq!(got, chosen.map_err(str::to_owned));
    assert_eq!(machine.asked, asked);
    if forced.is_none() {
        assert_eq!(machine.noted, got.ok(), "what was chosen is noted");
    }
}

#[test]
fn rustup_is_preferred_and_debian_is_the_way_out() {
    use Toolchain::{Debian, Rustup};
    let fake = Fake::default;
    check(None, Fake { has_target: true, ..fake() }, Ok(Rustup), &[]);
    check(None, Fake { rustup_works: true, ..fake() }, Ok(Rustup), &["rustup"]);
    check(None, Fake { debian_is_here: true, ..fake() }, Ok(Debian), &["rustup"]);
    check(None, Fake { apt_works: true, ..fake() }, Ok(Debian), &["rustup", "apt"]);
    check(None, fake(), Err("not root"), &["rustup", "apt"]);
}

#[test]
fn a_noted_way_out_is_not_tried_again_while_it_works() {
    let noted = || Fake { noted: Some(Toolchain::Debian), ..Fake::default() };
    check(None, Fake { debian_is_here: true, ..noted() }, Ok(Toolchain::Debian), &[]);
    check(None, Fake { has_target: true, debian_is_here: true, ..noted() }, Ok(Toolchain::Rustup), &[]);
    check(None, Fake { rustup_works: true, ..noted() }, Ok(Toolchain::Rustup), &["rustup"]);
}

#[test]
fn a_forced_toolchain_is_used_or_the_set_up_fails() {
    use Toolchain::{Debian, Rustup};
    let fake = Fake::default;
    check(Some(Debian), Fake { has_target: true, debian_is_here: true, ..fake() }, Ok(Debian), &[]);
    check(Some(Debian), Fake { has_target: true, ..fake() }, Err("not root"), &["apt"]);
    let error = "rustup cannot add the target: no way to the host";
    check(Some(Rustup), Fake { debian_is_here: true, ..fake() }, Err(error), &["rustup"]);
    check(Some(Rustup), Fake { has_target: true, ..fake() }, Ok(Rustup), &[]);
}

#[test]
fn the_variable_takes_two_words() {
    assert_eq!(Toolchain::parse("debian").unwrap(), Toolchain::Debian);
    assert_eq!(
        Toolchain::parse("nix").unwrap_err().to_string(),
        "SPILLWAY_WASM_TOOLCHAIN is \"nix\"; it may be \"rustup\" or \"debian\""
    );
}

fn script(folder: &Path, name: &str, body: &str) {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A PATH with a `rustc` that keeps its target in `lib` and a `rustup` that does what the test says.
fn machine(folder: &Path, rustup: &str) -> Machine {
    script(folder, "rustc", &format!("echo {}/lib", folder.display()));
    script(folder, "rustup", rustup);
    let path = std::env::join_paths([folder, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    Machine { path, note: folder.join("tools/note") }
}

#[test]
fn a_real_rustup_that_works_adds_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let add = format!("echo \"$@\" > {0}/said; mkdir {0}/lib", folder.path().display());
    let mut machine = machine(folder.path(), &add);
    assert!(!machine.has_target());
    assert_eq!(choose(None, &mut machine).unwrap(), Toolchain::Rustup);
    assert!(machine.has_target());
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(said, "target add wasm32-unknown-unknown\n");
    assert_eq!(machine.noted(), Some(Toolchain::Rustup));
}

#[test]
fn a_real_rustup_that_fails_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut machine = machine(folder.path(), "echo 'could not download file' >&2; exit 1");
    let error = format!("{:#}", choose(Some(Toolchain::Rustup), &mut machine).unwrap_err());
    assert!(error.starts_with("rustup cannot add the target: "), "{error}");
    assert!(error.ends_with("could not download file"), "{error}");
}
